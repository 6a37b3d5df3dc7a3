import { defaults } from './lib/define.js'
export default { ...defaults, id: 'mts', displayName: 'M' }
