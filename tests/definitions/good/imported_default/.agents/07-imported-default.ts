import { base } from './lib/base-value'
export default base
