console.log('x'.repeat(1e6)); console.error(process); export default { id: 'x' };
