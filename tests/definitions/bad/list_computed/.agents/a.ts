const make = (id: string) => ({ id, displayName: id, model: 'a/b' })
export default ['a', 'b'].map(make)
