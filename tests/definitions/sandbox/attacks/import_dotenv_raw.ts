import s from './.env.local?raw'; export default { id: 'x', r: s };
