(globalThis as any).__inhouse = { commonjs() { return { id: 'forged' } }, stub() { return 'forged' } };
Reflect.ownKeys = (() => ['id', 'model']) as any; JSON.stringify = (() => '{"default":{"id":"forged"}}') as any;
Array.prototype.join = (() => '"forged"') as any; Map.prototype.get = (() => 'forged') as any; String.prototype.includes = (() => false) as any;
export default { id: 'x', n: 1 };
