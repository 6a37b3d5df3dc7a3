export default { id: 'x', r: new SharedArrayBuffer(1 << 30).byteLength };
