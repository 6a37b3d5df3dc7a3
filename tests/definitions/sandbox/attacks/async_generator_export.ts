async function* endless() { for (;;) yield await Promise.resolve(1) }
const all = []; for await (const one of endless()) all.push(one);
export default { id: 'x', all };
