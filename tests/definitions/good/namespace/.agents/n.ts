export const id = 'namespace'
export const displayName = 'Namespace'
export const model = 'm'
export const toolNames = ['read_files']
