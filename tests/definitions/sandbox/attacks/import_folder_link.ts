import s from './linked/secret.json'; export default { id: 'x', r: s };
