import s from './server.key?raw'; export default { id: 'x', r: s };
