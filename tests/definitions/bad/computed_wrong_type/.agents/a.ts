const five = (() => 5)()
export default {
  id: 'one',
  displayName: 'One',
  model: 'm',
  systemPrompt: five,
}
