export default { id: 'no', displayName: 1 }
