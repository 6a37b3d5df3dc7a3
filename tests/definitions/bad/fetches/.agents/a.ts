const X = await fetch('http://127.0.0.1:1/')
export default {
  id: 'one',
  displayName: 'One',
  model: 'm',
  systemPrompt: String(X),
}
