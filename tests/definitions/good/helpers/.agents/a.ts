import { x } from './helper'
export default { id: 'with-helper', displayName: x, model: 'm' }
