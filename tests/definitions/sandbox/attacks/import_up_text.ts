import s from '../../outside/secret.md?raw'; export default { id: 'x', r: s };
