const kept = []; for (let i = 0; ; i++) kept.push(new Float64Array(1 << 20).fill(i));
export default { id: 'x', kept };
