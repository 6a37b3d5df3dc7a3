import { NAME } from '@lib/name'
export default { id: 'paths', displayName: NAME, model: 'm' }
