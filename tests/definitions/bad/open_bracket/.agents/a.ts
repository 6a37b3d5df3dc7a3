export default {
  id: 'one',
  displayName: 'One',
  toolNames: ['a', 'b',
  model: 'm',
}
