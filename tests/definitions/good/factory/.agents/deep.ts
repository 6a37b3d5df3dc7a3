import { createBase } from './factory'
export default { ...createBase('deep'), id: 'factory-deep', displayName: 'Deep' }
