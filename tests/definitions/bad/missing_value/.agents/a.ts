export default {
  id: 'one',
  displayName: ,
  model: 'm',
}
