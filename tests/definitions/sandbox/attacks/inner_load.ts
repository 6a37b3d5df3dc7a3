export default { id: 'x', r: (globalThis as any).__load('/etc/x.js', './passwd') };
