export default [{ id: 'arr-1', displayName: 'A', model: 'a/b' }, { id: 'arr-2', displayName: 'A', model: 'a/b' }]
