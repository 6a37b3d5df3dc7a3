export default {
  id: 'crlf',
  displayName: 'C',
  model: 'm',
  systemPrompt: `a
b`,
}
