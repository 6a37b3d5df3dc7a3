// Reviews what Git says has changed.  Reads files, changes nothing.
export default {
  id: 'review',
  displayName: 'Review',
  model: 'default',
  spawnerPrompt: 'Reviews the changes that are not committed yet. Changes nothing.',
  inputSchema: { prompt: { type: 'string', description: 'What to look at first, if anything.' } },
  toolNames: ['read_files', 'code_search'],
  systemPrompt: 'You review changes. You look for bugs, and say where each is and why it is one.',
  instructionsPrompt:
    'These are the changes:\n\n{CODEBUFF_GIT_CHANGES_PROMPT}\n\n' +
    'List the problems, the worst first, each with its file and line. ' +
    'If there is no problem, say so in one sentence. If there are no changes, say that.',
}
