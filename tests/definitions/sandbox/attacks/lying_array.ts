export default { id: 'x', a: new Proxy([1, 2, 3], { get: (t, k) => (k === 'length' ? -1 : NaN) }) };
