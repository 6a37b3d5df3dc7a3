export default { id: 'x', r: 'x'.padEnd(2 ** 30 - 30, 'y') };
