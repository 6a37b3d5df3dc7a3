/** @type {import('./types/agent-definition').AgentDefinition} */
const definition = { id: 'mjs', displayName: 'M', model: 'a/b', }
export { definition as default }
