const LIMIT = 3
export default {
  id: 'concat', displayName: 'C' + 'at', model: 'a/' + 'b',
  systemPrompt:
    'You may ask ' + LIMIT + ' times. ' +
    `Then ${'stop'}.`,
}
