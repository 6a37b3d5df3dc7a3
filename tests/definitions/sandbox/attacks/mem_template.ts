let s = 'x'; const parts = []; while (true) { s = `${s}${s}`; parts.push(s.slice(1) + 1); }
