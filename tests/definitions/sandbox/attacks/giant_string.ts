export default { id: 'x', r: 'x'.repeat(5e7) };
