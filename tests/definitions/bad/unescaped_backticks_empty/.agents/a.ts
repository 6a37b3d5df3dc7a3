export default {
  id: 'one',
  displayName: 'One',
  model: 'm',
  systemPrompt: `Use ``code`` fences`,
}
