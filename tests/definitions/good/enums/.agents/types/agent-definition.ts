export interface AgentDefinition { id: string; displayName: string; model: string; [k: string]: unknown }
