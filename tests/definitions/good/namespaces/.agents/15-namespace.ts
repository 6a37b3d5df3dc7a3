namespace Agents { export const id = 'namespaced'; export namespace Deep { export const model = 'a/b' } }
const config = { id: Agents.id, displayName: 'NS', model: Agents.Deep.model } as const satisfies { id: string }
export default config
