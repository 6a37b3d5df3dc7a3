export default {
  id: 'local', displayName: 'L', model: 'qwen3:4b',
  localProvider: { baseUrl: 'http://localhost:11434/v1', apiKey: 'secret' },
}
