import type { AgentDefinition } from './types/agent-definition'

const definition: AgentDefinition = {
  id: 'greeter',
  displayName: 'Greeter',
  model: 'anthropic/claude-sonnet-4.5',
  toolNames: ['read_files', 'end_turn'],
  instructionsPrompt: 'Say hello.',
}

export default definition
