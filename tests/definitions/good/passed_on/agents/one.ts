export default { id: 'outside', displayName: 'O', model: 'm' }
