const deep = () => ({ get next() { return deep(); } }); export default deep();
