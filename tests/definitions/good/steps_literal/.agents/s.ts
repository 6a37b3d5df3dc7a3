export default {
  id: 'steps',
  displayName: 'Steps',
  model: 'm',
  toolNames: ['read_files'],
  handleSteps: function* ({ agentState, prompt, params }) {
    yield { toolName: 'read_files', input: { paths: ['README.md'] } }
    yield 'STEP_ALL'
  },
}
