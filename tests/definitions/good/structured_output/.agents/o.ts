export default {
  id: 'structured', displayName: 'O', model: 'm', outputMode: 'structured_output', toolNames: ['set_output'],
  outputSchema: { type: 'object', properties: { files: { type: 'array', items: { type: 'string' } } }, required: ['files'] },
}
