export const mk = (id: string) => ({ id, displayName: id, model: 'm' })
