export default (async () => ({ id: 'x' }))();
