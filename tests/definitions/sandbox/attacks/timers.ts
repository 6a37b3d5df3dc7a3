setTimeout(() => {}, 1e9); export default { id: 'x' };
