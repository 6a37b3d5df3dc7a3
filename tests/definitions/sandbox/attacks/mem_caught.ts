const a = []; for (;;) { try { a.push(new Uint8Array(1 << 20)); } catch { } }
