const make = (id: string) => ({ id, displayName: id, model: 'a/b' })
export const base = make('imported-default')
