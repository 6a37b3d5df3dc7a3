export default { id: 'reexported', displayName: 'R', model: 'm' }
