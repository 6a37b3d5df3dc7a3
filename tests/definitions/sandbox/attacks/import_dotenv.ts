import s from './.env'; export default { id: 'x', r: s };
