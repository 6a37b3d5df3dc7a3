const f = () => queueMicrotask(f); f(); await new Promise(() => {}); export default { id: 'x' };
