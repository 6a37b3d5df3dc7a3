Object.defineProperty(globalThis, 'id', { get() { return 'global'; } }); export default { id: 'x', ['__defineGetter__']: 1 };
