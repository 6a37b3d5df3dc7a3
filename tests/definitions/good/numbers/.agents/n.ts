const MINUTE = 60 * 1000
export default {
  id: 'numbers', displayName: 'N', model: 'm',
  reasoningOptions: { enabled: true, exclude: false, max_tokens: 16_000 },
  compactContext: { cacheExpiryMs: 5 * MINUTE, cacheExpiryMinTokens: 0x10 },
  inputSchema: { params: { type: 'object', properties: { depth: { type: 'number', minimum: -1.5 } } } },
}
