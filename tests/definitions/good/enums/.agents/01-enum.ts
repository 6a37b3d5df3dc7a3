import type { AgentDefinition } from './types/agent-definition'
enum Model { Fast = 'google/gemini-2.5-flash', Deep = 'anthropic/claude-opus-4' }
const enum Tool { Read = 'read_files', Search = 'code_search' }
enum Level { Low = 1, High = Low << 2 }
export default { id: `enum-${Level.High}`, displayName: 'Enum', model: Model.Deep, toolNames: [Tool.Read, Tool.Search] } satisfies AgentDefinition as AgentDefinition
