const r = new WeakRef({}); const f = new FinalizationRegistry(() => { for (;;) {} }); f.register({}, 1); export default { id: 'x', r: typeof r };
