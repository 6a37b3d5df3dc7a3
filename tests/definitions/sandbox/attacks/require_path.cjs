module.exports = { id: 'x', r: require('../../outside/secret.json') };
