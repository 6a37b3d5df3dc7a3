import data from './data.json'
export default { id: 'json-import', displayName: data.name, model: 'm' }
