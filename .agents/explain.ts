// An agent for any model, however small: it needs no tools.
// Start it on a file or a selection; the text arrives with the prompt.
import type { AgentDefinition } from "./types/agent-definition"

const definition: AgentDefinition = {
  id: 'explain',
  displayName: 'Explain',
  model: 'embedded',
  spawnerPrompt: 'Explains a file or a selection in plain words.',
  inputSchema: {
    prompt: { type: 'string', description: 'What to explain.' },
  },
  systemPrompt: 'You explain code to a colleague. You are short, concrete and honest.',
  instructionsPrompt: 'Answer in at most three sentences.',
}

export default definition
