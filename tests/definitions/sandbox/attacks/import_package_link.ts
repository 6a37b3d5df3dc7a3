import s from 'evil/secret.json'; export default { id: 'x', r: s };
