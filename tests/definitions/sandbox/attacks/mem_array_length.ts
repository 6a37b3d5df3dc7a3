export default { id: 'x', r: new Array(2 ** 31).fill(0) };
