const m = await new Function('return import("__SECRET__")')(); export default { id: 'x', r: m.default };
