const tools: any = ['a']; tools[Symbol.iterator] = function* () { for (;;) yield 'b' };
tools.length = 1; Array.prototype[Symbol.iterator] = function* () { for (;;) yield 'c' };
export default { id: 'x', tools };
