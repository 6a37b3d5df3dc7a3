import { execSync } from 'child_process'
export default {
  id: 'one',
  displayName: 'One',
  model: 'm',
  systemPrompt: execSync('id').toString(),
}
