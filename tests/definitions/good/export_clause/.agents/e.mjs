const agent = { id: 'clause', displayName: 'E', model: 'm' }
export { agent as default }
