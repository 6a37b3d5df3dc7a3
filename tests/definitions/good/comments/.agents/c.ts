// a note
/* another */
export default {
  // the name
  id: 'comments', /* here */ displayName: 'C', // there
  model: /* m */ 'm',
}
// the end
