export default {
  id: 'one',
  displayName: 'One',
  model: 'm',
  handleSteps: function *() { yield 'STEP' },
}
