const make = () => ({ id: 'a', displayName: 'A', models: ['m'] })

export const { id, displayName, models: [model] } = make()
