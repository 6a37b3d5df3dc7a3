label: for (const x of [1]) { break label }
let m; if (true) { m = 'a/b' } else { m = 'c/d' }
export default { id: 'let-later', displayName: 'L', model: m }
