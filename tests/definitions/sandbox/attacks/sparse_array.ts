const a: any[] = []; a.length = 2 ** 32 - 1; a[2 ** 32 - 2] = 'end';
export default { id: 'x', a };
