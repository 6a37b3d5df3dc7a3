async function load() { return { id: 'promised', displayName: 'P', model: 'a/b' } }
export default load()
