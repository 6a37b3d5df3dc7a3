const inner = (globalThis as any).__inhouse; export default { id: 'x', r: inner.commonjs('/etc/x.js', 'module.exports = require("./passwd")') };
