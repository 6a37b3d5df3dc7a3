exports.default = { id: 'exports-default', displayName: 'E', model: 'm' }
