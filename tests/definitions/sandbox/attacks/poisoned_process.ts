const p: any = process; p.env = new Proxy({}, { get() { throw new Error('poison') } }); p.cwd = () => '/etc';
Object.defineProperty(Object.prototype, 'platform', { get() { return 'polluted' }, configurable: true });
export default { id: 'x', cwd: p.cwd() };
