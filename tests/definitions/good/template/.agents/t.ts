const NAME = 'Terra'
const definition: AgentDefinition = {
  id: 'template',
  displayName: `Agent ${NAME}`,
  model: `m`,
  systemPrompt: `# Persona: ${NAME}

You write \`code\` and cost \${money}.
Tabs\tand unicode \u00e9 \u{1F600} survive.
`,
}
export default definition
