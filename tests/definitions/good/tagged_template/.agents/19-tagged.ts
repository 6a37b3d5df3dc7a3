const dedent = (s: TemplateStringsArray, ...v: unknown[]) => String.raw({ raw: s }, ...v).replace(/^\s+/gm, '')
export default { id: 'tagged', displayName: 'T', model: 'a/b', systemPrompt: dedent`
    Be ${'good'}.
    Be kind.` }
