const READERS = ['read_files', 'code_search'] as const
const shared = {
  model: 'google/gemini-2.5-pro',
  includeMessageHistory: true,
  toolNames: [...READERS],
}
const definition: AgentDefinition = {
  ...shared,
  id: 'spreader',
  displayName: 'Spreader',
  toolNames: [...READERS, 'end_turn'],
}
export default definition
