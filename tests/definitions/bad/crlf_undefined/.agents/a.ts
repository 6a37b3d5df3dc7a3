export default {
  id: "crlf-bom",
  displayName: "Größe ✓ 😀",
  model: "a/b",
  systemPrompt: `line one
zeile zwei – “ok” 日本`,
  toolNames: ["read_files", nope],
}
