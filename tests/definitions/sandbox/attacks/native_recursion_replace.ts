const f = (): string => 'aa'.replace(/a/g, f);
export default { id: 'x', v: f() };
