
throw new Error('on purpose')
export default {
  id: 'one',
  displayName: 'One',
  model: 'm',

}
