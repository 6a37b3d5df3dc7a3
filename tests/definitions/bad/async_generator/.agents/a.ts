export default {
  id: 'one',
  displayName: 'One',
  model: 'm',
  handleSteps: async function* () { yield 'STEP' },
}
