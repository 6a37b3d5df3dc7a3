export default { id: 'x', r: (function () { return (arguments.callee as any).caller; })() };
