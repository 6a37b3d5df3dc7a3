const m = await import('./' + 'a/'.repeat(5000) + 'b'); export default { id: 'x', r: m };
