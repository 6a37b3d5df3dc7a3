import { X } from './nowhere'
export default {
  id: 'one',
  displayName: 'One',
  model: 'm',
  systemPrompt: X,
}
