export default { id: 'x', r: 2n ** (2n ** 30n) };
