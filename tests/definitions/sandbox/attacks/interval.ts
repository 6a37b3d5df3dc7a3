setInterval(() => {}, 1); export default { id: 'x' };
