export default { id: 'x', r: /^(([a-z])+.)+[A-Z]([a-z])+$/.test('a'.repeat(60)) };
