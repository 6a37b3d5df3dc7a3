export const x = 'X'
export function f() { return 1 }
export default { a: 1 }
