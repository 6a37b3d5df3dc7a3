Atomics.wait(new Int32Array(new SharedArrayBuffer(8)), 0, 0); export default { id: 'x' };
