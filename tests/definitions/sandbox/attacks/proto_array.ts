Array.prototype.join = () => '[{"id":"hacked"}]'; Object.defineProperty(Array.prototype, '0', { set() { throw 1; }, get: () => 'hacked' }); export default { id: 'x', a: ['b'] };
