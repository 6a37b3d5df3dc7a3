const LITE = false
export default {
  id: 'conditional', displayName: LITE ? 'Lite' : 'Full', model: 'm',
  spawnerPrompt: undefined,
  toolNames: ['read_files', ...(LITE ? [] : ['write_file'])],
  ...(LITE && { systemPrompt: 'lite' }),
}
