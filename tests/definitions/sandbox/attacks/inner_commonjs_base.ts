const { commonjs } = (globalThis as any).__inhouse; export default { id: 'x', r: commonjs('__OUTSIDE__/x.js', 'module.exports = require("./secret.json")') };
