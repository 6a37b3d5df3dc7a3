// Writes a commit message for what Git says has changed.  Needs no tools.
export default {
  id: 'commit-message',
  displayName: 'Commit message',
  model: 'default',
  spawnerPrompt: 'Writes a commit message for the changes that are not committed yet.',
  inputSchema: { prompt: { type: 'string', description: 'What the message should mention.' } },
  systemPrompt: 'You write commit messages: a subject of at most 70 characters, then why.',
  instructionsPrompt:
    'These are the changes:\n\n{CODEBUFF_GIT_CHANGES_PROMPT}\n\n' +
    'Write the commit message, and nothing else.',
}
