export default {
  id: 'boss', displayName: 'B', model: 'm', toolNames: ['spawn_agents', 'some_future_tool'],
  spawnableAgents: ['codebuff/file-picker@0.0.1', 'thinker'], spawnerPrompt: 'Leads.', unknownKey: 1, version: '0.0.1', publisher: 'me',
}
