const f = (n: number): number => f(n + 1) + 1
export default {
  id: 'one',
  displayName: 'One',
  model: 'm',
  systemPrompt: String(f(0)),
}
