const m = new Map(); for (let i = 0; ; i++) m.set(i, 'x'.repeat(1000) + i);
