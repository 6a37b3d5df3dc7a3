import s from 'file://__SECRET__'; export default { id: 'x', r: s };
