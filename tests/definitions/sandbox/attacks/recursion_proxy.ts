const p = new Proxy({}, { get: () => p.x }); export default { id: p.x };
