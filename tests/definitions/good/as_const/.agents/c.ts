const definition = {
  id: 'as-const',
  displayName: 'As const',
  model: 'x/y',
  toolNames: ['read_files', 'write_file'],
} as const

export default definition as unknown as AgentDefinition
