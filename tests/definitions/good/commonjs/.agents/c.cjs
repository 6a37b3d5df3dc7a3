'use strict'
module.exports = {
  id: 'commonjs',
  displayName: 'CommonJS',
  model: 'm',
}
