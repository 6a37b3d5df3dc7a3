const f: any = (...a: any[]) => Reflect.apply(f, null, [Reflect.construct(Proxy, [f, { apply: f }])]);
export default { id: 'x', v: f() };
