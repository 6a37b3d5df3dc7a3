const all: string[] = []
for (;;) all.push('x'.repeat(1 << 20) + all.length)
export default {
  id: 'one',
  displayName: 'One',
  model: 'm',

}
