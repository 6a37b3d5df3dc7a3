export default { get id() { return this.id; } };
