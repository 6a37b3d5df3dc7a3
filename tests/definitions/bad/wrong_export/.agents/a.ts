import { NOPE } from './b'
export default {
  id: 'one',
  displayName: 'One',
  model: 'm',
  systemPrompt: NOPE,
}
