import s from '../../outside/secret.json'; export default { id: 'x', r: s };
