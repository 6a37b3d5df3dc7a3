export default { id: 'x', [Symbol.toPrimitive]: () => 1, [Symbol.toStringTag]: 'evil', s: Symbol('s'), [Symbol.iterator]: null };
