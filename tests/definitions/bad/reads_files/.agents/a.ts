import { readFileSync } from 'node:fs'
export default {
  id: 'one',
  displayName: 'One',
  model: 'm',
  systemPrompt: readFileSync('/etc/passwd', 'utf8'),
}
