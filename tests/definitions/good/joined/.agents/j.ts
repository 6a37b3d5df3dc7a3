export default {
  id: 'joined',
  displayName: 'Joined',
  model: 'm',
  systemPrompt: [
    '# Rules',
    '',
    `- be brief`, // trailing comma below
    '- be kind',
  ].join('\n'),
}
