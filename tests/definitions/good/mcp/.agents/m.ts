export default {
  id: 'mcp', displayName: 'M', model: 'm', toolNames: ['files/read'],
  mcpServers: {
    files: { command: 'npx', args: ['-y', 'files'], env: { TOKEN: '$DEFINITIONS_TEST_TOKEN', PLAIN: 'x' } },
    docs: { type: 'sse', url: 'https://example.com/sse', headers: { Authorization: '$DEFINITIONS_TEST_TOKEN' } },
  },
}
