export default new Proxy({}, { ownKeys() { throw { toString() { throw 1; } }; } });
