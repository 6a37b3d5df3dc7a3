export default { id: 'x', v: String(1n << 4000000000n).length };
