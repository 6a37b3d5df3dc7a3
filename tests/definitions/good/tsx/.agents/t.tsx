const definition = { id: 'tsx', displayName: 'Tsx', model: 'm' } as const
export default definition
