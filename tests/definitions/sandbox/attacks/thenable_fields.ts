const later = { then(resolve: any) { for (;;) resolve(1) } };
export default { id: 'x', later, n: 1 };
