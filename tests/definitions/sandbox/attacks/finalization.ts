const r = new FinalizationRegistry(() => { for (;;) {} });
for (let i = 0; i < 1e5; i++) r.register({}, i);
export default { id: 'x', r: typeof r };
