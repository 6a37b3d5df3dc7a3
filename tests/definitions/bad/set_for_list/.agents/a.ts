export default { id: 'set', displayName: 'A', model: 'a/b', toolNames: new Set(['glob']), systemPrompt: new String('boxed') }
