import { publisher } from './constants'
import { TOOLS } from './lib/tools'
import type { AgentDefinition } from './types'
const definition: AgentDefinition = {
  id: 'imports', publisher, displayName: 'I', model: 'm', toolNames: TOOLS,
}
export default definition
