const MODELS = { fast: 'a/fast', deep: 'a/deep' } as const
const TOOLS = { read: ['read_files'] }
export default { id: 'members', displayName: 'M', model: MODELS.deep, toolNames: TOOLS['read'] }
