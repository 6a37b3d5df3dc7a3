import shared = require('./lib/shared')
const definition = { id: 'cts', displayName: 'C', model: shared.model }
export = definition
