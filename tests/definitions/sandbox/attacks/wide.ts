const a: any = { id: 'x' }; for (let i = 0; i < 1e6; i++) a['k' + i] = i; export default a;
