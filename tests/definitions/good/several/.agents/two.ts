import type { AgentDefinition } from './types'
export const first: AgentDefinition = { id: 'first', displayName: 'First', model: 'm' }
export const second: AgentDefinition = { id: 'second', displayName: 'Second', model: 'm' }
export const helper = (x: string) => x
