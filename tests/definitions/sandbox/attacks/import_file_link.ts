import s from './linked.json'; export default { id: 'x', r: s };
