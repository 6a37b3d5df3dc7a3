export default { get id() { throw new Error('not today'); } };
