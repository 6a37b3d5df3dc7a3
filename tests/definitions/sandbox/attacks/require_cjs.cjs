const fs = require('fs'); module.exports = { id: 'x', r: fs.readFileSync('__SECRET__', 'utf8') };
