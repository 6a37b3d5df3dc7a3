"""From a name to what it means, and back: hover, definition, references, symbols, rename."""

import pytest

from support.editor import EGLOT, HELIX, NEOVIM, VSCODE, ServerError, splice
from support.language import PLAIN, SNIPPETS

SCOUT = """export default {
  id: 'scout',
  displayName: 'Scout',
  model: 'acme/tiny',
  spawnerPrompt: 'Finds things.',
}
"""
BOSS = """import { PROMPT, TEAM as people } from './lib/prompts'
import { LATE } from './lib'

const local = 'Be short.'
export default {
  id: 'boss',
  displayName: 'Boss',
  model: 'acme/big',
  toolNames: ['read_files', 'spawn_agents'],
  spawnableAgents: ['scout', ...people],
  systemPrompt: PROMPT + LATE,
  stepPrompt: local,
  handleSteps: function* () {
    // scout goes first
    yield { toolName: 'spawn_agents', input: { agents: [{ agent_type: 'scout' }] } }
  },
}
"""
PROMPTS = """export const PROMPT = `Know.`
export const TEAM = ['scout', 'clerk']
"""
CLERK = 'id: clerk\ndisplayName: Clerk\nmodel: acme/tiny\nspawnableAgents:\n  - "acme/scout@1.0"\n'


@pytest.fixture
def company(writing):
    writing.file(".agents/scout.ts", SCOUT)
    writing.file(".agents/lib/prompts.ts", PROMPTS)
    writing.file(".agents/lib/index.ts", "export { REALLY as LATE } from './late'\n")
    writing.file(".agents/lib/late.ts", "const REALLY = 'Later.'\nexport { REALLY }\n")
    writing.file(".agents/clerk.yaml", CLERK)
    writing.file("inhouse.toml", '[[routes]]\nagents = "scout"\nendpoint = "here"\n')
    writing.file("src/a.py", "# @scout: look here\n")
    return writing


def at(writing, editor, mark):
    """Open boss.ts with the cursor at the ``|`` of *mark*."""
    plain = mark.replace("|", "")
    assert BOSS.count(plain) == 1
    return writing.open(editor, "boss.ts", BOSS.replace(plain, mark))


async def test_hover_tells_what_stands_there(company):
    async with company.editor(VSCODE, SNIPPETS) as editor:
        field = await at(company, editor, "tool|Names:").hover()
        assert "The tools the agent has." in field
        assert "`string[]`" in field

        tool = await at(company, editor, "'read_|files'").hover()
        assert "**read_files**" in tool
        assert "`paths`" in tool
        assert "**spawn_agents**" in await at(company, editor, "toolName: 'spa|wn").hover()

        agent = await at(company, editor, "['sco|ut'").hover()
        assert "**Scout**" in agent
        assert "Finds things." in agent
        assert ".agents/scout.ts" in agent
        assert "Finds things." in await at(company, editor, "agent_type: '|scout'").hover()

        await editor.command("inhouse.reload")
        model = await at(company, editor, "model: 'acme/|big'").hover()
        assert "**here**" in model
        assert "`acme/big`" in model
        assert "Decided by: default" in model


async def test_a_client_without_markdown_gets_plain_text(company):
    async with company.editor(NEOVIM, PLAIN) as editor:
        answer = await at(company, editor, "tool|Names:").ask("hover")

        assert answer["contents"]["kind"] == "plaintext"
        assert "**" not in answer["contents"]["value"]


async def test_definitions_are_found_across_files(company):
    async with company.editor(HELIX) as editor:

        async def lead(mark):
            found = await at(company, editor, mark).ask("definition")
            return [
                (each["uri"].rpartition("/")[2], each["range"]["start"]["line"]) for each in found
            ]

        assert await lead("['sco|ut'") == [("scout.ts", 1)]
        assert await lead("agent_type: 'sco|ut'") == [("scout.ts", 1)]
        assert await lead("id: 'bo|ss'") == [("boss.ts", 5)]
        assert await lead("systemPrompt: PRO|MPT") == [("prompts.ts", 0)]
        assert await lead("...peo|ple") == [("prompts.ts", 1)]
        assert await lead("+ LA|TE") == [("late.ts", 0)]
        assert await lead("stepPrompt: loc|al") == [("boss.ts", 3)]
        assert await lead("'./lib/pro|mpts'") == [("prompts.ts", 0)]
        assert await lead("stepPro|mpt:") == []


async def test_references_are_found_across_files(company):
    async with company.editor(VSCODE) as editor:

        async def lead(mark, *, own):
            found = await at(company, editor, mark).ask(
                "references", context={"includeDeclaration": own}
            )
            return sorted(
                (each["uri"].rpartition("/")[2], each["range"]["start"]["line"]) for each in found
            )

        uses = [("boss.ts", 9), ("boss.ts", 14), ("clerk.yaml", 4), ("prompts.ts", 1)]
        assert await lead("['sco|ut'", own=False) == uses
        assert await lead("['sco|ut'", own=True) == sorted([*uses, ("scout.ts", 1)])
        assert await lead("systemPrompt: PRO|MPT", own=False) == [("boss.ts", 0), ("boss.ts", 10)]


async def test_symbols_are_a_tree_where_the_client_knows_trees_else_a_list(company):
    async with company.editor(VSCODE, SNIPPETS) as editor:
        (agent,) = await at(company, editor, "id: 'bo|ss'").symbols()

        assert (agent["name"], agent["detail"]) == ("boss", "Boss")
        names = [child["name"] for child in agent["children"]]
        assert names[:3] == ["id", "displayName", "model"]
        for child in agent["children"]:
            _holds(agent["range"], child["range"])
            _holds(child["range"], child["selectionRange"])
    async with company.editor(EGLOT) as editor:
        flat = await at(company, editor, "id: 'bo|ss'").symbols()

        assert flat[0]["name"] == "boss"
        assert flat[1]["containerName"] == "boss"


@pytest.mark.parametrize("client", [VSCODE, HELIX], ids=["vscode", "helix"])
async def test_an_agent_gets_another_id_in_every_file(company, client):
    async with company.editor(client, SNIPPETS) as editor:
        cursor = at(company, editor, "['sco|ut'")
        prepared = await cursor.ask("prepareRename")
        assert prepared["placeholder"] == "scout"

        edit = await cursor.ask("rename", newName="finder")

        if client is VSCODE:
            files = {each["textDocument"]["uri"]: each["edits"] for each in edit["documentChanges"]}
            versions = {each["textDocument"]["version"] for each in edit["documentChanges"]}
            assert versions == {None, 1}
        else:
            files = edit["changes"]
        texts = {uri.rpartition("/")[2]: _after(company, editor, uri, files[uri]) for uri in files}
        assert set(texts) == {"boss.ts", "scout.ts", "clerk.yaml", "prompts.ts", "inhouse.toml"}
        assert "['finder', ...people]" in texts["boss.ts"]
        assert "agent_type: 'finder'" in texts["boss.ts"]
        assert "// scout goes first" in texts["boss.ts"]
        assert "id: 'finder'" in texts["scout.ts"]
        assert '- "acme/finder@1.0"' in texts["clerk.yaml"]
        assert "['finder', 'clerk']" in texts["prompts.ts"]
        assert 'agents = "finder"' in texts["inhouse.toml"]


async def test_a_bad_new_id_says_what_would_work(company):
    async with company.editor(VSCODE, SNIPPETS) as editor:
        cursor = at(company, editor, "['sco|ut'")
        for new, says in (("My Scout", "'my-scout'"), ("clerk", "clerk.yaml defines it")):
            with pytest.raises(ServerError, match=says):
                await cursor.ask("rename", newName=new)
        assert await at(company, editor, "tool|Names:").ask("prepareRename") is None


def _after(company, editor, uri, edits):
    if uri in editor.buffers:
        return splice(editor.buffers[uri], edits)
    path = company.folder / uri.removeprefix(company.folder.as_uri() + "/")
    return splice(path.read_text(encoding="utf-8"), edits)


def _holds(outer, inner):
    def place(position):
        return position["line"], position["character"]

    assert place(outer["start"]) <= place(inner["start"])
    assert place(inner["end"]) <= place(outer["end"])


MONOREPO = {
    "tsconfig.json": '{ "compilerOptions": { "baseUrl": ".", "paths": { "@lib/*": ["lib/*"] } } }',
    "package.json": '{ "workspaces": ["packages/*"] }',
    "lib/prompts.ts": "export const ALIASED = 'a'\n",
    "shared/base.ts": "\nexport const BASED = 'b'\n",
    "packages/one/package.json": '{ "name": "@mono/one", "main": "dist/index.js" }',
    "packages/one/src/index.ts": "export { NAMED } from './named'\n",
    "packages/one/src/named.ts": "\n\nexport const NAMED = 'c'\n",
    "node_modules/installed/package.json": '{ "exports": { "./deep": "./deep.mjs" } }',
    "node_modules/installed/deep.mjs": "export const DEEP = 'd'\n",
    "packages/one/README.md": "# One\n",
}
IMPORTS = """import { ALIASED } from '@lib/prompts'
import { BASED } from 'shared/base'
import { NAMED } from '@mono/one'
import { NAMED as BY_PATH } from '../packages/one/src'
import { DEEP } from 'installed/deep'
import README from '../packages/one/README.md'
import { GONE } from 'elsewhere'
export default { id: 'a', displayName: 'A', model: 'm',
  systemPrompt: [ALIASED, BASED, NAMED, BY_PATH, DEEP, README, GONE].join(' ') }
"""


LEADS = (
    ("[|ALIASED", ("lib/prompts.ts", 0)),
    ("'@lib/|prompts'", ("lib/prompts.ts", 0)),
    (" |BASED,", ("shared/base.ts", 1)),
    (", |NAMED,", ("packages/one/src/named.ts", 2)),
    ("'@mono/|one'", ("packages/one/src/index.ts", 0)),
    ("|BY_PATH,", ("packages/one/src/named.ts", 2)),
    ("|DEEP,", ("node_modules/installed/deep.mjs", 0)),
    ("|README,", ("packages/one/README.md", 0)),
    ("|GONE]", None),
    ("'else|where'", None),
)


async def test_definition_follows_aliases_packages_and_workspaces(writing):
    for name, text in MONOREPO.items():
        writing.file(name, text)
    async with writing.editor(NEOVIM, SNIPPETS) as editor:
        for mark, target in LEADS:
            at = writing.open(editor, "a.ts", IMPORTS.replace(mark.replace("|", ""), mark))

            found = await at.ask("definition")

            there = [] if target is None else [((writing.folder / target[0]).as_uri(), target[1])]
            assert [(one["uri"], one["range"]["start"]["line"]) for one in found] == there, mark
