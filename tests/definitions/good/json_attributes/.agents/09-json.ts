import data from './data/tools.json' with { type: 'json' }
import { common } from './data/tools.json'
export default { id: 'json-import', displayName: 'J', model: 'a/b', toolNames: [...data.common, ...common, 'end_turn'] }
