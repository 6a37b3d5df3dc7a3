import type { AgentDefinition } from '@codebuff/sdk'
export default {
  id: 'sat-1',
  displayName: "It's fine",
  model: 'openai/gpt-5',
  includeMessageHistory: true,
} satisfies AgentDefinition
