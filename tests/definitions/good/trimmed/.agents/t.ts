export default {
  id: 'trimmed', displayName: 'T', model: 'm',
  instructionsPrompt: `
  Do it.
  `.trim(),
}
