export default { id: 'x', a: [NaN, Infinity, -Infinity, -0, 1e308 * 10, 5e-324] };
