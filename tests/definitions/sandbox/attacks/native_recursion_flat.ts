let a: any[] = []; for (let i = 0; i < 1e6; i++) a = [a];
export default { id: 'x', v: a.flat(Infinity).length };
