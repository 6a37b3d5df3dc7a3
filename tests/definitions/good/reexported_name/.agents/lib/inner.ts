export const inner = { id: 'inner', displayName: 'Inner', model: 'a/b' }
