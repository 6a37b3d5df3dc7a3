const a: any = { id: 'x' }; a.self = a; export default a;
