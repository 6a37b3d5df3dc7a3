const id = 'short'
const model = 'm'
const toolNames = ['read_files']
export default { id, model, toolNames, displayName: 'Short' }
