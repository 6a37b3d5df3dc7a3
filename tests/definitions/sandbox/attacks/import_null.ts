const m = await import('./a\0/../../../outside/secret.json'); export default { id: 'x', r: m };
