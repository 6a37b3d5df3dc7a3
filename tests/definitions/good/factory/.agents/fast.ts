import { createBase } from './factory'
const definition = { ...createBase('fast'), id: 'factory-fast' }
export default definition
