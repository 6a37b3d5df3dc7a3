import { X } from './b'
export default {
  id: 'one',
  displayName: 'One',
  model: 'm',
  systemPrompt: X,
}
