"""The catalog: which folders, which file wins, what is read again."""

from pathlib import Path

import pytest

from inhouse.core.errors import UserError
from inhouse.core.text import Severity
from inhouse.definitions.catalog.catalog import agent_folders
from inhouse.definitions.catalog.folders import Form
from support.definitions import catalog_of, literal, write


def codes(agent):
    return [problem.code for problem in agent.problems]


def test_folders_stand_in_order_of_precedence():
    root, home, extra = Path("/w/project"), Path("/home/me"), Path("/team/agents")
    folders = agent_folders([root], home, [extra])

    assert [folder.path for folder in folders] == [
        root / ".agents",
        root / ".claude" / "agents",
        root / ".opencode" / "agent",
        root / ".opencode" / "agents",
        Path("/w/.agents"),
        extra,
        home / ".agents",
    ]
    assert [folder.from_workspace for folder in folders] == [True] * 6 + [False]
    assert folders[1].form is Form.CLAUDE


def test_a_project_right_below_the_home_folder_does_not_make_the_home_a_workspace():
    folders = agent_folders([Path("/home/me/project")], Path("/home/me"))

    own = [folder for folder in folders if folder.path == Path("/home/me/.agents")]
    assert [folder.from_workspace for folder in own] == [False]


async def test_the_project_wins_over_the_home_folder(tmp_path):
    root, home = tmp_path / "a" / "project", tmp_path / "home"
    write(root, {".agents/x.ts": literal(displayName="'Project'")})
    write(home, {".agents/x.ts": literal(displayName="'Home'")})
    catalog = await catalog_of(root, home=home)

    assert catalog.agents["one"].display_name == "Project"
    (shadowed,) = [agent for agent in catalog.all if agent.shadowed_by]
    assert shadowed.display_name == "Home"
    assert shadowed.shadowed_by == root / ".agents" / "x.ts"
    assert not shadowed.from_workspace
    assert [(p.code, p.severity) for p in shadowed.problems] == [("shadowed", Severity.HINT)]
    assert shadowed.problems[0].range == shadowed.range


async def test_what_is_nearer_wins_over_the_parent_folder(tmp_path):
    root = tmp_path / "project"
    write(root, {".agents/x.ts": literal(displayName="'Near'")})
    write(
        tmp_path, {".agents/x.ts": literal(displayName="'Far'"), ".agents/y.ts": literal(id="'y'")}
    )
    catalog = await catalog_of(root)

    assert catalog.agents["one"].display_name == "Near"
    assert catalog.agents["y"].definition is not None


async def test_two_agents_with_one_id_in_a_folder_are_both_wrong(tmp_path):
    root = write(
        tmp_path,
        {
            ".agents/a.ts": literal(),
            ".agents/deep/b.toml": 'id="one"\ndisplayName="B"\nmodel="m"\n',
        },
    )
    catalog = await catalog_of(root)

    assert [codes(agent) for agent in catalog.all] == [["duplicate-id"], ["duplicate-id"]]
    assert all(agent.definition is None for agent in catalog.all)
    assert "b.toml" in catalog.all[0].problems[0].message


async def test_a_broken_project_agent_does_not_fall_back_to_the_home_folder(tmp_path):
    root, home = tmp_path / "a" / "project", tmp_path / "home"
    write(root, {".agents/x.ts": literal(displayName="5")})
    write(home, {".agents/x.ts": literal()})
    catalog = await catalog_of(root, home=home)

    assert catalog.agents["one"].definition is None
    assert catalog.agents["one"].from_workspace


async def test_an_agent_is_found_by_the_names_people_use(tmp_path):
    catalog = await catalog_of(write(tmp_path, {".agents/a.ts": literal(id="'file-picker'")}))

    for name in ("file-picker", "file_picker", "codebuff/file-picker@0.0.1", "me/file_picker"):
        assert catalog.find(name).id == "file-picker"
    with pytest.raises(UserError, match=r"No agent 'nobody'\.  Agents: file-picker"):
        catalog.find("nobody")


async def test_an_edit_is_seen_and_nothing_else_is_read_again(tmp_path):
    root = write(tmp_path, {".agents/a.ts": literal(id="'a'"), ".agents/b.ts": literal(id="'b'")})
    catalog = await catalog_of(root)
    path = root / ".agents" / "a.ts"
    path.write_text(literal(id="'a'", displayName="'New'"))

    assert await catalog.update([path], {}) == {path}
    assert catalog.agents["a"].display_name == "New"


async def test_unsaved_text_wins_over_the_disk_until_it_is_closed(tmp_path):
    root = write(tmp_path, {".agents/a.ts": literal()})
    catalog = await catalog_of(root)
    path = root / ".agents" / "a.ts"

    await catalog.update([], {path: literal(displayName="'Unsaved'")})
    assert catalog.agents["one"].display_name == "Unsaved"
    await catalog.update([], {})
    assert catalog.agents["one"].display_name == "One"


async def test_an_unsaved_new_file_is_found(tmp_path):
    catalog = await catalog_of(write(tmp_path, {".agents/a.ts": literal()}))
    new = tmp_path / ".agents" / "new.ts"

    await catalog.update([new], {new: literal(id="'new'")})
    assert set(catalog.agents) == {"one", "new"}
    await catalog.update([], {})
    assert set(catalog.agents) == {"one"}


async def test_files_come_and_go(tmp_path):
    root = write(tmp_path, {".agents/a.ts": literal()})
    catalog = await catalog_of(root)
    write(
        tmp_path,
        {".agents/deep/b.ts": literal(id="'b'"), ".claude/agents/c.md": "---\nname: c\n---\nC"},
    )

    await catalog.update([root / ".agents" / "deep", root / ".claude"], {})
    assert set(catalog.agents) == {"one", "b", "c"}
    (root / ".agents" / "a.ts").unlink()
    await catalog.update([root / ".agents" / "a.ts"], {})
    assert set(catalog.agents) == {"b", "c"}


@pytest.mark.parametrize(
    "broken",
    [
        literal()[:-3],
        literal(displayName="5"),
        literal(model="`x${y}`"),
        "export default {",
        "\ud800{{{ export default {id",
    ],
)
async def test_a_broken_edit_keeps_the_last_good_definition_in_service(tmp_path, broken):
    catalog = await catalog_of(write(tmp_path, {".agents/a.ts": literal()}))
    path = tmp_path / ".agents" / "a.ts"
    good = catalog.agents["one"]

    await catalog.update([], {path: broken})
    stale = catalog.agents["one"]
    assert stale.stale
    assert stale.definition == good.definition
    assert stale.content_hash == good.content_hash
    assert Severity.ERROR in {problem.severity for problem in stale.problems}
    await catalog.update([], {path: literal(displayName="'Mended'")})
    assert not catalog.agents["one"].stale
    assert catalog.agents["one"].display_name == "Mended"


async def test_an_agent_that_was_renamed_is_gone(tmp_path):
    catalog = await catalog_of(write(tmp_path, {".agents/a.ts": literal()}))

    await catalog.update([], {tmp_path / ".agents" / "a.ts": literal(id="'other'")})
    assert set(catalog.agents) == {"other"}


async def test_the_hash_is_over_what_the_file_says(tmp_path):
    root = write(tmp_path, {".agents/a.ts": literal(), ".agents/b.ts": literal(id="'b'")})
    first = await catalog_of(root)
    write(root, {".agents/a.ts": literal(stepPrompt="'x'")})
    second = await catalog_of(root)

    assert first.agents["one"].content_hash != second.agents["one"].content_hash
    assert first.agents["b"].content_hash == second.agents["b"].content_hash


async def test_the_hash_covers_imported_modules_before_and_after_trust(tmp_path):
    files = {
        ".agents/a.ts": "import { X } from './x'\n" + literal(displayName="X"),
        ".agents/x.ts": "export const X = 'X'\n",
    }
    before = (await catalog_of(write(tmp_path, files))).agents["one"].content_hash
    write(tmp_path, {".agents/x.ts": "export const X = 'Y'\n"})
    after = (await catalog_of(tmp_path)).agents["one"].content_hash

    assert before != after


async def test_helpers_and_other_peoples_files_are_silent(tmp_path):
    files = {
        ".agents/helper.ts": "export const x = 1\nexport default function f() {}\n",
        ".agents/types.ts": "export interface A { id: string }\n",
        ".agents/broken-helper.ts": "export const x = {{{\n",
        ".agents/package.json": "{",
        ".agents/data.json": '{"a": 1,}',
        ".agents/README.md": "# Read me",
        ".agents/other.yaml": "a: [",
        ".agents/other.toml": "a = ",
    }
    catalog = await catalog_of(write(tmp_path, files))

    assert catalog.all == ()
    assert catalog.problems == ()


async def test_a_warning_leaves_an_agent_usable(tmp_path):
    text = literal(modell="'x'", toolNames="['read_file']")
    catalog = await catalog_of(
        write(tmp_path, {".agents/a.ts": text}), known_tools=frozenset({"read_files"})
    )
    agent = catalog.agents["one"]

    assert agent.definition is not None
    assert codes(agent) == ["unknown-tool"]
    assert "read_files" in agent.problems[0].message


async def test_a_slip_in_a_fields_name_is_a_warning(tmp_path):
    catalog = await catalog_of(write(tmp_path, {".agents/a.ts": literal(instructionPrompt="'x'")}))

    (problem,) = catalog.agents["one"].problems
    assert (problem.code, problem.range.start.line, problem.range.end.character) == (
        "unknown-field",
        4,
        19,
    )
    assert "`instructionsPrompt`" in problem.message


@pytest.mark.asyncio(loop_scope="session")
async def test_what_depends_on_a_changed_module_is_read_again(tmp_path, evaluator):
    root = write(tmp_path, {
        ".agents/a.ts": "import { X } from './lib/x'\n" + literal(displayName="X"),
        ".agents/b.ts": literal(id="'b'"),
        ".agents/lib/x.ts": "export const X = 'Old'\n",
    })  # fmt: skip
    catalog = await catalog_of(root, evaluator)
    module = root / ".agents" / "lib" / "x.ts"
    module.write_text("export const X = 'New'\n")

    assert await catalog.update([module], {}) == {module, root / ".agents" / "a.ts"}
    assert catalog.agents["one"].display_name == "New"


@pytest.mark.asyncio(loop_scope="session")
async def test_a_module_that_was_missing_is_noticed_when_it_comes(tmp_path, evaluator):
    root = write(
        tmp_path, {".agents/a.ts": "import { X } from '../x'\n" + literal(displayName="X")}
    )
    catalog = await catalog_of(root, evaluator)
    assert catalog.agents["one"].definition is None

    write(root, {"x.ts": "export const X = 'Here'\n"})
    await catalog.update([root / "x.ts"], {})
    assert catalog.agents["one"].display_name == "Here"


@pytest.mark.asyncio(loop_scope="session")
async def test_trust_lets_computed_definitions_in(tmp_path, evaluator):
    root = write(tmp_path, {".agents/a.ts": "const f = () => 'F'\n" + literal(displayName="f()")})
    catalog = await catalog_of(root)
    before = catalog.agents["one"]
    assert before.definition is None
    assert codes(before) == ["needs-trust"]

    await catalog.trust(evaluator)
    assert catalog.agents["one"].display_name == "F"
    assert catalog.agents["one"].content_hash == before.content_hash
    await catalog.trust(None)
    assert catalog.agents["one"].definition is None


@pytest.mark.asyncio(loop_scope="session")
async def test_a_problem_of_a_computed_value_stands_at_its_field(tmp_path, evaluator):
    text = "const f = () => 5\n" + literal(outputMode="f()")
    catalog = await catalog_of(write(tmp_path, {".agents/a.ts": text}), evaluator)

    (problem,) = catalog.agents["one"].problems
    assert (problem.code, problem.range.start.line) == ("wrong-type", 5)


@pytest.mark.asyncio(loop_scope="session")
async def test_the_engine_has_the_last_word_about_syntax(tmp_path, evaluator):
    """A grammar may be older than the language: what runs is no syntax error."""
    text = "export default { id: 'one', displayName: 'One', model: 'm', [`x`]: 1, ...{}, }\n"
    catalog = await catalog_of(write(tmp_path, {".agents/a.ts": text}), evaluator)

    assert catalog.agents["one"].definition is not None


@pytest.mark.asyncio(loop_scope="session")
async def test_what_has_not_changed_is_not_evaluated_again(tmp_path, evaluator):
    files = {
        ".agents/a.ts": "import { X } from './x'\n" + literal(displayName="X"),
        ".agents/x.ts": "export const X = 'X'\n",
    }
    catalog = await catalog_of(write(tmp_path, files), evaluator)
    before = evaluations(evaluator)

    await catalog.load()
    assert evaluations(evaluator) == before
    write(tmp_path, {".agents/x.ts": "export const X = 'Y'\n"})
    await catalog.load()
    assert catalog.agents["one"].display_name == "Y"


def evaluations(sandbox):
    return sum(worker.evaluations for worker in sandbox.status().workers)


TWO = """export const one = { id: 'one', displayName: 'One', model: 'm' }
export const two = { id: 'two', displayName: 'Two', model: 'm', systemPrompt: process.env.X }
"""


async def test_what_is_wrong_with_a_whole_file_is_said_once(tmp_path):
    broken = TWO + "const open = (\n"
    catalog = await catalog_of(write(tmp_path, {".agents/a.ts": broken}))

    assert [codes(agent).count("syntax") for agent in catalog.all] == [1, 1]
    assert [problem.code for problem in catalog.every_problem].count("syntax") == 1


async def test_what_concerns_one_agent_of_a_file_is_not_said_of_the_other(tmp_path):
    catalog = await catalog_of(write(tmp_path, {".agents/a.ts": TWO}))

    assert codes(catalog.agents["one"]) == []
    assert codes(catalog.agents["two"]) == ["environment"]
