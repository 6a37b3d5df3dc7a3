export default { id: 'x', [{ toString() { for (;;) {} } } as any]: 1 };
