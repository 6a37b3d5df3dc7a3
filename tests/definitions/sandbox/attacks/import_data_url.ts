const m = await import('data:text/javascript,export default 1'); export default { id: 'x', r: m.default };
