const m = await import('__SECRET__'); export default { id: 'x', r: m.default };
