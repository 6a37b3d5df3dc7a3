const definition = { id: 'cts', displayName: 'C', model: 'a/b' }
export = definition
