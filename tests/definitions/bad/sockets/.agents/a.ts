import net from 'node:net'
net.connect(80, 'example.com')
export default {
  id: 'one',
  displayName: 'One',
  model: 'm',

}
