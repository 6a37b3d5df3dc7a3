export default { get id() { for (;;) {} } };
