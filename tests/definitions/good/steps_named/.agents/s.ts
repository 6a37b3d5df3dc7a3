function* run() {
  yield 'STEP'
}
export default { id: 'steps-named', displayName: 'S', model: 'm', handleSteps: run, spawnableAgents: ['steps-named'] }
