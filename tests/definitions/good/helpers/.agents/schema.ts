export const schema = { type: 'object', description: 'no agent' }
