import s from '@out/secret.json'; export default { id: 'x', r: s };
