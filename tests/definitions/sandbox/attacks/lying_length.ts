export default { id: 'x', a: new Proxy([], { get: (t, k) => (k === 'length' ? 2 ** 40 : 1) }) };
