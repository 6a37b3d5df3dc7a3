import { PROMPT } from './prompts'
export default { id: 'index-import', displayName: 'I', model: 'm', systemPrompt: PROMPT }
