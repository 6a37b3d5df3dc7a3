export default { id: 'x', r: '\ud800', ['\udfff']: 'a\udc00b', ok: '😀' };
