export default { id: 'ok', displayName: 'O', model: 'm' }
