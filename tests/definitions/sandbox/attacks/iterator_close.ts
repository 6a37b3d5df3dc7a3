const it = { [Symbol.iterator]: () => ({ next: () => ({ done: false, value: 1 }), return() { for (;;) {} } }) }; const [a] = it as any; export default { id: 'x', a };
