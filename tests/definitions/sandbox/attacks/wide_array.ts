export default { id: 'x', a: Array.from({ length: 1e6 }, (_, i) => i) };
