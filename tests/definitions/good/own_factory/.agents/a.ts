const make = (name: string) => ({ id: `made-${name}`, displayName: name, model: 'm' })
export default make('x')
