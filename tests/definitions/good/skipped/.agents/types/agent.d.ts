export default { id: 'no' }
