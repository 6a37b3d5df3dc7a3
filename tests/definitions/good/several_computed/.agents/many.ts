import { mk } from './mk'
export const a: AgentDefinition = mk('many-a')
export const b: AgentDefinition = mk('many-b')
