// Reviews what has changed since the last commit.  Wants a model that can call tools.
import type { AgentDefinition } from './types/agent-definition'

const definition: AgentDefinition = {
  id: 'reviewer',
  displayName: 'Reviewer',
  model: 'anthropic/claude-sonnet-4.5',
  spawnerPrompt: 'Reviews the changes that are not committed, or the file it is started on.',
  toolNames: ['read_files', 'code_search', 'list_directory', 'end_turn'],
  systemPrompt: 'You review code. You report what is wrong, not what is nice.',
  instructionsPrompt: `The changes that are not committed:

{CODEBUFF_GIT_CHANGES_PROMPT}

Read what you need around them. Name file and line of each finding, the most important first.
Say so plainly when there is nothing to say.`,
}

export default definition
