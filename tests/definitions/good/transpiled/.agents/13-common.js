'use strict'
Object.defineProperty(exports, '__esModule', { value: true })
const base = { model: 'a/b', displayName: 'Common' }
exports.default = Object.assign({}, base, { id: 'transpiled' })
