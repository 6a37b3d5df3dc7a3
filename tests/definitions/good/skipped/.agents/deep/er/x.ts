export default { id: 'deeper', displayName: 'D', model: 'm' }
