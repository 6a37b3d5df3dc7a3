Object.prototype.then = function (f: any) { f({ id: 'hacked' }); }; export default { id: 'x' };
