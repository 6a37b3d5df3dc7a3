const definition = {
  id: 'one',
  displayName: 'One',
  model: 'm',

export default definition
