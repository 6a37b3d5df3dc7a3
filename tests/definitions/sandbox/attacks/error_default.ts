export default new Error('as a value');
