const evil = { [Symbol.toPrimitive]() { for (;;) {} } };
export default { id: 'x', t: `${evil}` };
