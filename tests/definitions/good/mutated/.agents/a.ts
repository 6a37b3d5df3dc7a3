const d: any = { id: 'mutated', displayName: 'M', model: 'm', toolNames: ['read_files'] }
d.toolNames.push('glob')
export default d
