const a: any = {}; for (let i = 0; i < 50; i++) a['k'.repeat(1e6) + i] = 1; export default a;
