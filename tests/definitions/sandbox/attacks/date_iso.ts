class Late extends Date { toJSON(): any { return { toJSON: 1, then: 2, id: 'x' } } }
export default { id: 'x', d: new Late(0), m: new Map([[1, 2]]), s: new Set([1]), e: new Error('no') };
