module.exports = { id: 'x', r: require('__SECRET__') };
