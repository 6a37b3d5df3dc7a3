// Explains a file or a selection.  Needs no tools, so that the smallest model can serve it.
export default {
  id: 'explain',
  displayName: 'Explain',
  model: 'default',
  spawnerPrompt: 'Explains a file or a selection in plain words.',
  inputSchema: { prompt: { type: 'string', description: 'What to explain.' } },
  systemPrompt: 'You explain code to a colleague. You are short, concrete and honest.',
  instructionsPrompt: 'Answer in at most three sentences.',
}
