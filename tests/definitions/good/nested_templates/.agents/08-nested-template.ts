const tools = ['read_files', 'glob']
const strict = true
export default { id: 'nested', displayName: 'N', model: 'a/b', toolNames: tools,
  systemPrompt: `Use:
${tools.map((t) => `- \`${t}\`${strict ? ` (${`strict: ${strict}`})` : ''}`).join('\n')}
\${notAVariable} \u{1F600} \x41` }
