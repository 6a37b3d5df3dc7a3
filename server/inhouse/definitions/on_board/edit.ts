// Changes files as asked.  Each edit is reviewed before it is made, unless your settings say otherwise.
export default {
  id: 'edit',
  displayName: 'Edit',
  model: 'default',
  spawnerPrompt: 'Changes files of this project as asked, and runs commands to check the result.',
  inputSchema: { prompt: { type: 'string', description: 'What to change.' } },
  toolNames: [
    'read_files',
    'code_search',
    'find_files',
    'str_replace',
    'write_file',
    'run_terminal_command',
  ],
  systemPrompt:
    'You change the project in the current folder as the user asks, and nothing else. ' +
    'Read a file before you change it. Make the smallest change that does it.',
  instructionsPrompt: 'Make the change. Then say in one or two sentences what you changed.',
}
