export default { id: 'x', v: JSON.parse('['.repeat(3e5) + ']'.repeat(3e5)).length };
