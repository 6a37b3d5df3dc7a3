async function load() { const { defaults } = await import('./lib/define'); return { ...defaults, id: 'async-one', displayName: 'Async' } }
export default await load()
