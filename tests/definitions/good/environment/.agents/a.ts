const model = process.env.AGENT_MODEL ?? 'anthropic/claude-sonnet-4.5'
const isDev = process.env['NODE_ENV'] !== 'production'

export default {
  id: 'environment',
  displayName: isDev ? 'Environment (dev)' : 'Environment',
  model: process.env.OTHER || model,
  systemPrompt: process.env.HOME,
}
