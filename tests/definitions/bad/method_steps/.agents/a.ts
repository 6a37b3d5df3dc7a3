export default {
  id: 'one',
  displayName: 'One',
  model: 'm',
  handleSteps({ prompt }) {
    return 1
  },
}
