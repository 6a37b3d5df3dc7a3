const TOOLS = ['read_files',
  5]
export default {
  id: 'one',
  displayName: 'One',
  model: 'm',
  toolNames: [...TOOLS],
}
