var definition = {
  id: 'commonjs-var',
  displayName: 'V',
  model: 'm'
};
module.exports = definition;
