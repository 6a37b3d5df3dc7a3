await new Promise(() => {}); export default { id: 'x' };
