import s from 'http://127.0.0.1:__PORT__/x.js'; export default { id: 'x', r: s };
