export default { id: 'x', a: [...{ *[Symbol.iterator]() { for (;;) yield 1; } }] };
