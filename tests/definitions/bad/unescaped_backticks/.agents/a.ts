export default {
  id: 'one',
  displayName: 'One',
  model: 'm',
  systemPrompt: `Run `npm test` first`,
}
