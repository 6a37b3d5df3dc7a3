export default { id: 'x', v: new RegExp('('.repeat(2e5) + 'a' + ')'.repeat(2e5)).source.length };
