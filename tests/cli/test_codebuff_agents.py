"""Agents as people write them for Codebuff, driven from the terminal."""

import json

from support.model_server import call

SEARCHER = """export default {
  id: 'searcher', displayName: 'Searcher', model: 'm/x', outputMode: 'structured_output',
  toolNames: ['code_search', 'set_output'],
  handleSteps: function* ({ params }) {
    const results = []
    for (const query of params?.queries ?? []) {
      const { toolResult } = yield { toolName: 'code_search', input: { pattern: query } }
      results.push(...toolResult.filter((r) => r.type === 'json').map((r) => r.value.stdout))
    }
    yield { toolName: 'set_output', input: { data: { results } }, includeToolCall: false }
  },
}
"""
IMPLEMENTOR = """export default {
  id: 'implementor', displayName: 'Implementor', model: 'm/x', includeMessageHistory: true,
  inheritParentSystemPrompt: true, outputMode: 'structured_output',
  toolNames: ['propose_str_replace', 'propose_write_file'],
  handleSteps: function* ({ agentState: first }) {
    const { agentState } = yield 'STEP_ALL'
    const calls = agentState.messageHistory.slice(first.messageHistory.length)
      .filter((m) => m.role === 'assistant' && Array.isArray(m.content))
      .flatMap((m) => m.content).filter((part) => part.type === 'tool-call')
      .map(({ toolName, input }) => ({ toolName, input }))
    yield { toolName: 'set_output', input: { calls }, includeToolCall: false }
  },
}
"""
CHOOSER = """export default {
  id: 'chooser', displayName: 'Chooser', model: 'm/x', systemPrompt: 'You choose.',
  outputMode: 'structured_output', spawnableAgents: ['implementor'],
  toolNames: ['spawn_agents', 'set_messages', 'set_output', 'str_replace', 'propose_write_file'],
  handleSteps: function* ({ agentState, params }) {
    yield { toolName: 'set_messages', input: { messages: agentState.messageHistory.slice(0, 1) },
      includeToolCall: false }
    const { toolResult } = yield { toolName: 'spawn_agents', includeToolCall: false,
      input: { agents: [{ agent_type: 'implementor', prompt: 'S: ' + params.way }] } }
    const proposed = toolResult[0].value[0].value.value.calls
    for (const { toolName, input } of proposed) {
      yield { toolName: toolName.replace('propose_', ''), input }
    }
    yield { toolName: 'propose_write_file', input: { path: 'more.txt', content: 'm\\n' } }
    yield { toolName: 'set_output', input: { made: proposed.length } }
  },
}
"""


def test_a_result_without_words_is_shown_and_kept_and_data_is_what_it_holds(local, server):
    (local.workspace / ".agents" / "searcher.ts").write_text(SEARCHER)
    (local.workspace / "a.txt").write_text("one\nneedle\n")
    local("trust")

    done = local("run", "searcher", "--params", '{"queries": ["needle", "nothing of it"]}')

    assert done.status == 0, done.err
    begin, end = done.out.index("{"), done.out.rindex("}")
    first, second = json.loads(done.out[begin : end + 1])["results"]
    assert "Line 2: needle" in first
    assert second == "Found 0 matches"
    assert done.out.strip().startswith("```json")
    assert "Line 2: needle" in local("sessions", "show").out
    assert server.chats == []


def test_a_child_proposes_and_its_parent_makes_the_chosen_changes(local, server):
    for name, text in (("implementor", IMPLEMENTOR), ("chooser", CHOOSER)):
        (local.workspace / ".agents" / f"{name}.ts").write_text(text)
    (local.workspace / "a.txt").write_text("1\nneedle\n")
    local("trust")
    change = {"path": "a.txt", "replacements": [{"old": "needle", "new": "NEEDLE"}]}
    server.play(call("propose_str_replace", **change))
    server.play("that is my way")

    done = local(
        *("run", "chooser", "go", "--params", '{"way": "quick"}', "--yes-edits", "--json"),
    )

    assert (local.workspace / "a.txt").read_text() == "1\nNEEDLE\n"
    assert done.events[-1]["result"]["output"] == {"made": 1}
    asked = [(m["role"], m["content"]) for m in server.chats[0].body["messages"]]
    assert asked[:3] == [
        ("system", "You choose."),
        ("user", 'go\n\n{\n  "way": "quick"\n}'),
        ("user", "<system>Sub-agent implementor has been spawned.</system>"),
    ]
    assert asked[3] == ("user", "S: quick")
    assert not (local.workspace / "more.txt").exists()
    assert "Edits of 1 file are proposed" in done.err
    assert "--yes-edits" not in done.err, "it was given"
