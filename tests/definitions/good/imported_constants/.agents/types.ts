export interface AgentDefinition { id: string }
