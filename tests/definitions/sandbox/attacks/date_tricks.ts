Date.now = () => { throw 1; }; Date.prototype.toJSON = () => ({ id: 'hacked' }) as any; export default { id: 'x', r: new Date(0) };
