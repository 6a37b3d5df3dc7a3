export default { id: 'x', r: (globalThis as any).__inhouse.stub('boo').anything };
