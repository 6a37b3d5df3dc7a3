[1, 2, 3].sort(() => { for (;;) {} }); export default { id: 'x' };
