type Mode = 'a' | 'b'
const create = (mode: Mode, opts?: { plan?: boolean }) => ({ id: `mode-${mode}`, displayName: opts?.plan ?? false ? 'Plan' : 'No plan', model: ({ a: 'x/a', b: 'x/b' } as Record<Mode, string>)[mode], ...(opts?.plan && { toolNames: ['glob'] }) })
const definition = { ...create('a', { plan: true }), spawnerPrompt: undefined, inputSchema: { prompt: { type: 'string' as const, description: 'x' } } }
export default definition
