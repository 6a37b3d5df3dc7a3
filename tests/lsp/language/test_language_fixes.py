"""One click: lenses, actions and quick fixes of definition files."""

import pytest

from support.editor import EGLOT, HELIX, NEOVIM, VSCODE, splice
from support.language import SNIPPETS

OBJECT = "{ type: 'object' }"
HEAD = "id: 'boss', displayName: 'Boss', model: 'tiny'"
GOOD = f"export default {{\n  {HEAD},\n}}\n"

FIXES = (
    (
        "a.ts",
        f"export default {{\n  {HEAD},\n  *hand|leSteps({{ prompt }}) {{ yield 'STEP' }},\n}}\n",
        "handle-steps-form",
        "  handleSteps: function* ({ prompt }) { yield 'STEP' },",
    ),
    (
        "a.ts",
        f"export default {{\n  {HEAD},\n  handleSteps: async function*| () {{ yield 'STEP' }},\n}}",
        "handle-steps-form",
        "  handleSteps: function* () { yield 'STEP' },",
    ),
    (
        "a.ts",
        f"export default {{\n  {HEAD},\n  async *hand|leSteps() {{ yield 'STEP' }},\n}}\n",
        "handle-steps-form",
        "  handleSteps: function* () { yield 'STEP' },",
    ),
    (
        "a.ts",
        f"export default {{\n  {HEAD},\n  toolNames: ['glob'],\n  spawnableAgents: ['b|'],\n}}\n",
        "spawn-agents-missing",
        "toolNames: ['glob', 'spawn_agents'],",
    ),
    (
        "a.ts",
        f"export default {{\n  {HEAD},\n  spawnableAgents: ['b|'],\n}}\n",
        "spawn-agents-missing",
        "  toolNames: ['spawn_agents'],\n  spawnableAgents: ['b'],",
    ),
    (
        "a.yaml",
        "id: a\ndisplayName: A\nmodel: m\ntoolNames:\n  - glob\nspawnableAgents:\n  - |b\n",
        "spawn-agents-missing",
        "  - glob\n  - spawn_agents\n",
    ),
    (
        "a.json",
        '{"id": "a", "displayName": "A", "model": "m", "toolNames": [], "spawnableAgents": ["|b"]}',
        "spawn-agents-missing",
        '"toolNames": ["spawn_agents"]',
    ),
    (
        "a.ts",
        f"export default {{\n  {HEAD},\n  output|Schema: {{ type: 'object' }},\n}}\n",
        "output-schema-mode",
        "  outputMode: 'structured_output',\n  outputSchema: {",
    ),
    (
        "a.ts",
        f"export default {{ {HEAD},\n outputMode: '|all_messages', outputSchema: {OBJECT} }}",
        "output-schema-mode",
        "outputMode: 'structured_output',",
    ),
    (
        "a.toml",
        'id = "a"\ndisplayName = "A"\nmodel = "m"\n\n[output|Schema]\ntype = "object"\n',
        "output-schema-mode",
        None,
    ),
    ("a.ts", f"export default {{ {HEAD},\n  tool|Name: ['glob'] }}", "unknown-field", "toolNames:"),
    (
        "a.ts",
        f"export default {{ {HEAD},\n toolNames: ['read_|file'] }}",
        "unknown-tool",
        "read_files",
    ),
    (
        "a.ts",
        "export default {\n  id: 'My |Boss', displayName: 'B', model: 'm' }",
        "bad-id",
        "id: 'my-boss'",
    ),
    (
        "a.ts",
        f"export default {{ {HEAD},\n  localProvider: {{ baseUrl: 'http://localhost:9|999' }} }}",
        "base-url-v1",
        "baseUrl: 'http://localhost:9999/v1'",
    ),
)


async def test_the_common_mistakes_are_mended_with_one_click(writing):
    async with writing.editor(VSCODE) as editor:
        for name, text, code, gives in FIXES:
            at = writing.open(editor, name, text)
            await at.problems(code)

            fixes = [each for each in (await at.actions()).values() if each["kind"] == "quickfix"]
            mine = [each for each in fixes if each["diagnostics"][0]["code"] == code]
            if gives is None:
                assert not mine
            else:
                assert mine, (text, code)
                assert gives in _after(at, mine[0]), (text, code)
            editor.close(at.uri)
            await editor.until(lambda at=at: not editor.diagnostics(at.uri))


async def test_a_remote_model_on_a_local_endpoint_is_mapped_or_changed(writing):
    writing.settings = {}
    writing.file(
        "inhouse.toml",
        'defaultEndpoint = "here"\n[endpoints.here]\nbaseUrl = "http://127.0.0.1:9"\n',
    )
    writing.file(".agents/other.ts", GOOD.replace("boss", "other"))
    text = GOOD.replace("model: 'tiny'", "model: 'anthropic/|claude-sonnet-4.5'")
    async with writing.editor(NEOVIM) as editor:
        at = writing.open(editor, "boss.ts", text)
        (problem,) = await at.problems("remote-model")
        assert problem["severity"] == 4
        assert "remote model" in problem["message"]

        actions = await at.actions(only=["quickfix"])

        mapped = actions["Map 'anthropic/claude-sonnet-4.5' to 'tiny' in inhouse.toml"]
        ((uri, edits),) = mapped["edit"]["changes"].items()
        assert uri.endswith("/inhouse.toml")
        settings = splice((writing.folder / "inhouse.toml").read_text(), edits)
        assert settings.endswith(
            '\n[endpoints.here.models]\n"anthropic/claude-sonnet-4.5" = "tiny"\n'
        )
        changed = actions["Change the model to 'tiny'"]
        assert "model: 'tiny'" in _after(at, changed)


@pytest.mark.parametrize("client", [VSCODE, HELIX, EGLOT, {}], ids=["code", "helix", "eglot", "-"])
async def test_an_agent_is_run_and_explained_from_its_file(writing, client):
    async with writing.editor(client) as editor:
        at = writing.open(editor, "boss.ts", GOOD.replace("'boss'", "'bo|ss'"))

        lenses = await at.lenses()
        actions = await at.actions()

        for title in ("Run", "Explain route", "Check endpoint"):
            lens = lenses[title]
            assert lens["range"]["start"]["line"] == 1
            action = actions[title]
            command = lens["command"]
            literal = isinstance(action["command"], dict)
            assert (action["command"] if literal else action) == command
        command = lenses["Explain route"]["command"]
        route = await editor.command(command["command"], *command["arguments"])
        assert route["endpoint"] == "here"
        (message,) = editor.messages("window/showMessage")
        assert "boss would run on here" in message["message"]
        assert "Decided by: default" in message["message"]
        command = lenses["Check endpoint"]["command"]
        statuses = await editor.command(command["command"], *command["arguments"])
        assert [status["name"] for status in statuses] == ["here"]


async def test_a_computed_definition_offers_to_be_trusted(writing):
    text = "const made = [1].map(() => 'a').join('')\n"
    text += "export default { id: 'a', displayName: 'A', |model: made }\n"
    writing.file(".agents/a.ts", text.replace("|", ""))
    async with writing.editor(VSCODE, SNIPPETS, trusted=None) as editor:
        at = writing.open(editor, "a.ts", text)
        editor.on["window/showMessageRequest"] = lambda params: params["actions"][1]
        await at.problems("needs-trust")

        action = (await at.actions())["Trust this workspace"]
        command = action["command"]
        answer = await editor.command(command["command"], *command["arguments"])

        assert answer == {"trusted": False}
        await editor.until(
            lambda: all(each["code"] != "needs-trust" for each in editor.diagnostics(at.uri)),
            seconds=60,  # The first start of a sandbox compiles its engine.
        )
        assert "Run" in await at.lenses()


def _after(at, action):
    edit = action["edit"]
    files = edit.get("changes") or {
        each["textDocument"]["uri"]: each["edits"] for each in edit["documentChanges"]
    }
    return splice(at.text, files[at.uri])


async def test_an_unsaved_definition_in_an_empty_workspace_is_not_evaluated_unasked(writing):
    text = "const make = (id) => ({ id, displayName: 'A', model: 'm' })\nexport default make('a')|"
    async with writing.editor(VSCODE, SNIPPETS, trusted=None) as editor:
        at = writing.open(editor, "a.ts", text)

        await at.problems("needs-trust")

        found = await editor.command("inhouse.agents")
        assert [each["id"] for each in found if not each["onBoard"]] == []
