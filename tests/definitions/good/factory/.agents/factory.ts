type Mode = 'fast' | 'deep'
export function createBase(mode: Mode): Omit<AgentDefinition, 'id'> {
  const fast = mode === 'fast'
  return {
    displayName: fast ? 'Fast' : 'Other',
    model: fast ? 'a/small' : 'a/large',
    toolNames: ['read_files', !fast && 'write_file'].filter(Boolean) as string[],
    systemPrompt: buildPrompt(mode),
    handleSteps: function* ({ prompt }) { yield 'STEP_ALL' },
  }
}
function buildPrompt(mode: Mode) { return `Mode: ${mode.toUpperCase()}` }
