// Answers questions about the project.  Reads files, changes nothing.
export default {
  id: 'ask',
  displayName: 'Ask',
  model: 'default',
  spawnerPrompt: 'Answers questions about this project. Reads files and changes nothing.',
  inputSchema: { prompt: { type: 'string', description: 'The question.' } },
  toolNames: ['read_files', 'code_search', 'find_files', 'list_directory'],
  systemPrompt:
    'You answer questions about the project in the current folder. Read the files that matter ' +
    'before you answer. Name the file and line of what you say. If the files do not say it, say so.',
  instructionsPrompt: 'Answer the question in a few sentences.',
}
