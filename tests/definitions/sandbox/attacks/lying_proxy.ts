let n = 0; export default new Proxy({}, { ownKeys: () => ['id'], getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true, value: 1 }), get: () => 'x' + n++ });
