export default { id: 'x', a: { toJSON() { for (;;) {} } } };
