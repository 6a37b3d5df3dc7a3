const agent = { id: 'equals', displayName: 'E', model: 'm' }
export = agent
