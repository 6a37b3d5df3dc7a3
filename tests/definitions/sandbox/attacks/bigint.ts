export default { id: 'x', r: 2n ** 4000n };
