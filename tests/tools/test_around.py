"""What surrounds a run: questions, pages, skills, the editor, and the texts of placeholders."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from inhouse.core.errors import RefusedError, ToolError
from inhouse.core.ports import Document
from inhouse.core.route import Privacy
from inhouse.tools.context import Fetched
from inhouse.tools.prompt_values import placeholders
from inhouse.tools.read_url import readable
from inhouse.tools.registry import workspace_tools
from inhouse.tools.tool_set import ToolSet
from support.workspaces import bench

OPTIONS = [{"label": "Red", "description": "like fire"}, {"label": "Blue"}]


async def test_a_choice_is_asked_and_told(tmp_path: Path):
    here = bench(tmp_path, answers=(("Red",), ("Blue", "Red")))

    result = await here.call(
        "ask_user",
        questions=[
            {"question": "Which colour?", "header": "Colour", "options": OPTIONS},
            {"question": "Which colours?", "options": OPTIONS, "multiSelect": True},
        ],
    )

    assert result == {
        "answers": [
            {"questionIndex": 0, "selectedOption": "Red"},
            {"questionIndex": 1, "selectedOptions": ["Blue", "Red"]},
        ]
    }
    first, second = here.approver.questions
    assert first.text == "Colour: Which colour?"
    assert first.choices == ("Red", "Blue", "Something else…")
    assert "Red: like fire" in first.detail
    assert second.multiple


async def test_something_else_is_asked_for_in_words(tmp_path: Path):
    here = bench(tmp_path, answers=(("Something else…",), ("green, please",)))

    result = await here.call("ask_user", questions=[{"question": "Which?", "options": OPTIONS}])

    assert result["answers"] == [{"questionIndex": 0, "otherText": "green, please"}]
    assert here.approver.questions[1].choices == ()


async def test_no_answer_is_a_skip(tmp_path: Path):
    here = bench(tmp_path)

    assert await here.call("ask_user", questions=[{"question": "Which?", "options": []}]) == {
        "skipped": True
    }


async def test_a_free_answer_is_held_to_its_form(tmp_path: Path):
    here = bench(tmp_path, answers=(("abc",),))
    question = {"question": "Port?", "options": [], "validation": {"pattern": r"^\d+$"}}

    with pytest.raises(ToolError, match="Ask again"):
        await here.call("ask_user", questions=[question])


@pytest.mark.timeout(30)
async def test_a_models_expression_holds_up_nothing(tmp_path: Path):
    here = bench(tmp_path, answers=(("a" * 60 + "!",),))
    question = {"question": "?", "options": [], "validation": {"pattern": "^(a+)+$"}}

    with pytest.raises(ToolError, match="does not match"):
        await here.call("ask_user", questions=[question])


PAGE = b"""<html><head><title>A title</title><meta name="description" content="About it">
<style>p{}</style></head><body><nav>menu</nav><h1>Head</h1><p>One <b>two</b></p>
<script>evil()</script><a href="https://x.test/y">link</a></body></html>"""


async def test_a_page_is_read_as_text(tmp_path: Path):
    asked: list[str] = []

    async def fetch(url: str) -> Fetched:
        asked.append(url)
        return Fetched(200, url + "/", "text/html; charset=utf-8", PAGE)

    here = bench(tmp_path, fetch=fetch)

    result = await here.call("read_url", url="https://x.test")

    assert asked == ["https://x.test"]
    assert result["title"] == "A title"
    assert result["description"] == "About it"
    assert result["text"] == "# Head\n\nOne **two**\n\n[link](https://x.test/y)"
    assert result["finalUrl"] == "https://x.test/"
    assert result["truncated"] is False


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://x.test", "http://", "https://user:pw@x.test/", "x"]
)
async def test_only_plain_web_addresses_are_fetched(tmp_path: Path, url: str):
    async def fetch(url: str) -> Fetched:
        raise AssertionError(url)

    here = bench(tmp_path, fetch=fetch)

    assert "errorMessage" in await here.call("read_url", url=url)


async def test_what_the_network_door_refuses_is_told(tmp_path: Path):
    async def fetch(url: str) -> Fetched:
        raise RefusedError("127.0.0.1 is a private address.", "Use a public one.")

    here = bench(tmp_path, fetch=fetch)

    result = await here.call("read_url", url="http://localhost/")

    assert "private address" in result["errorMessage"]


async def test_local_only_reads_no_page_at_all(tmp_path: Path):
    async def fetch(url: str) -> Fetched:
        raise AssertionError(url)

    here = bench(tmp_path, fetch=fetch, privacy=Privacy.LOCAL_ONLY)

    assert "local-only" in (await here.call("read_url", url="https://x.test"))["errorMessage"]


def test_a_long_page_is_cut_and_a_picture_is_refused():
    long = readable(Fetched(200, "u", "text/plain", b"x" * 5_000), 1_000)

    assert len(long["text"]) == 1_000
    assert long["truncated"] is True
    with pytest.raises(ToolError, match="cannot be shown as text"):
        readable(Fetched(200, "u", "image/png", b""), 1_000)


SKILL = "---\nname: release\ndescription: How to release\nlicense: MIT\n---\nDo it.\n"


async def test_a_skill_is_loaded_by_name_and_the_projects_wins_where_the_user_vouched(
    tmp_path: Path,
):
    home = tmp_path / "home"
    for folder, text in {"home": SKILL.replace("Do it", "Mine"), "w": SKILL}.items():
        path = tmp_path / folder / ".agents/skills/release/SKILL.md"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    (tmp_path / "outside/stolen").mkdir(parents=True)
    (tmp_path / "outside/stolen/SKILL.md").write_text(SKILL.replace("release", "stolen"))
    (tmp_path / "w/.agents/skills/stolen").symlink_to(tmp_path / "outside/stolen")
    (tmp_path / "w/.agents/skills/again").symlink_to("release")
    for folder, front in {
        "Big_Name": "description: d",
        "other": "name: another\ndescription: d",
        "mine": "description: d\ndisable-model-invocation: true",
        "plain": "description: has a name of its folder",
    }.items():
        path = tmp_path / f"w/.agents/skills/{folder}/SKILL.md"
        path.parent.mkdir(parents=True)
        path.write_text(f"---\n{front}\n---\nText.\n")
    bad = tmp_path / "w/.claude/skills/broken/SKILL.md"
    bad.parent.mkdir(parents=True)
    bad.write_text("---\n: [\n---\n")
    here = bench(tmp_path / "w", home=home, vouched=True)

    assert "- release: How to release" in here.tools["skill"].spec.description

    result = await here.call("skill", name="release")

    assert result == {
        "name": "release",
        "description": "How to release",
        "content": SKILL,
        "license": "MIT",
    }
    with pytest.raises(ToolError, match=r"No skill 'nope'.  Skills: plain, release"):
        await here.call("skill", name="nope")
    reasons = {"Big_Name": "lower case", "other": "that of its folder", "mine": "only people"}
    for name, reason in reasons.items():
        assert name not in here.tools["skill"].spec.description
        with pytest.raises(ToolError, match=reason):
            await here.call("skill", name=name)
    unknown = bench(tmp_path / "w", home=home)
    assert "Mine" in (await unknown.call("skill", name="release"))["content"]
    assert "Text." in (await unknown.call("skill", name="plain"))["content"]


class Editor:
    """A workspace with an editor in front of it."""

    def __init__(self, inner, buffers: dict[Path, str], diagnostics=None, selection=None):
        self._inner = inner
        self._buffers = buffers
        self._diagnostics = diagnostics
        self._selection = selection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def read(self, path: Path) -> Document:
        if path in self._buffers:
            return Document(path, self._buffers[path], 7)
        return await self._inner.read(path)

    async def unsaved(self):
        return dict(self._buffers)

    def open_files(self) -> tuple[Path, ...]:
        return tuple(self._buffers)

    def selection(self):
        return self._selection

    async def diagnostics(self, path: Path | None):
        return self._diagnostics


def with_editor(here, **more: Any):
    buffers = {here.root / name: text for name, text in more.pop("buffers", {}).items()}
    editor = Editor(here.workspace, buffers, **more)
    context = evolve(here.context, workspace=editor)
    return ToolSet(workspace_tools(context))


async def test_unsaved_text_wins_also_for_a_file_that_is_not_on_disk(tmp_path: Path):
    here = bench(tmp_path, {"a.txt": "saved"})
    tools = with_editor(here, buffers={"a.txt": "unsaved", "new.txt": "nowhere else"})

    result = await tools["read_files"].run("c", {"paths": ["a.txt", "new.txt"]})

    assert [each["content"] for each in result] == ["unsaved", "nowhere else"]


async def test_an_editors_problems_are_told_but_not_those_of_refused_files(tmp_path: Path):
    here = bench(tmp_path, {"a.py": "", ".env": "canary"})
    found = [
        {"path": str(here.root / "a.py"), "message": "unused"},
        {"path": str(here.root / ".env"), "message": "canary"},
    ]
    tools = with_editor(here, diagnostics=found)

    result = await tools["diagnostics"].run("c", {})

    assert result["diagnostics"] == [{"path": "a.py", "message": "unused"}]
    assert result["message"] == "1 problem reported."


async def test_without_an_editor_its_tools_say_so(tmp_path: Path):
    here = bench(tmp_path)

    assert "Nothing here can tell" in (await here.call("diagnostics"))["message"]
    assert await here.call("open_files") == {"files": []}
    assert "Nothing is selected" in (await here.call("selection"))["message"]


async def test_open_files_and_the_selection_are_named_from_the_root(tmp_path: Path):
    here = bench(tmp_path / "w", {"a.py": "x"})
    tools = with_editor(
        here,
        buffers={"a.py": "x", "../outside.py": "y", ".env": "canary"},
        selection={"path": str(here.root / "a.py"), "text": "x"},
    )

    assert await tools["open_files"].run("c", {}) == {"files": ["a.py"]}
    assert await tools["selection"].run("c", {}) == {"path": "a.py", "text": "x"}


async def test_a_tool_of_codebuffs_servers_is_not_offered_and_says_why(tmp_path: Path):
    here = bench(tmp_path)

    assert not any(
        here.tools[name].offered for name in ("web_search", "read_docs", "gravity_index")
    )
    with pytest.raises(ToolError, match="needs Codebuff's servers"):
        await here.call("web_search", query="x")


def git(root: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=root, check=True)


async def filled(here, name: str) -> str:
    return await placeholders(here.context)[f"CODEBUFF_{name}"]()


async def test_the_file_tree_of_a_prompt_fits_its_size(tmp_path: Path):
    here = bench(tmp_path, {f"folder{n}/file{m}.py": "" for n in range(40) for m in range(40)})

    small = await filled(here, "FILE_TREE_PROMPT_SMALL")
    large = await filled(here, "FILE_TREE_PROMPT_LARGE")

    assert len(small) < 2_500 * 4 + 600
    assert "folder39/" in large
    assert str(tmp_path) in small


async def test_git_changes_leave_secrets_out(tmp_path: Path):
    files = {"a.txt": "one\n", ".env": "KEY=old\n", "s.pem": "old\n"}
    here = bench(tmp_path, files, trusted=True)
    for words in (
        ["init", "-q"],
        ["add", "-f", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "First commit"],
    ):
        git(tmp_path, *words)
    (tmp_path / "a.txt").write_text("two\n")
    (tmp_path / ".env").write_text("KEY=canary\n")
    (tmp_path / "s.pem").write_text("canary\n")

    text = await filled(here, "GIT_CHANGES_PROMPT")

    assert "-one\n+two" in text
    assert " M a.txt" in text
    assert "First commit" in text
    assert "canary" not in text


async def test_a_folder_without_git_has_no_changes(tmp_path: Path):
    assert await filled(bench(tmp_path, {"a": ""}), "GIT_CHANGES_PROMPT") == ""


async def test_knowledge_is_the_first_file_of_each_folder_and_the_users_own(tmp_path: Path):
    home = tmp_path / "home"
    home.mkdir()
    (home / ".AGENTS.md").write_text("from home")
    here = bench(
        tmp_path / "w",
        {
            "knowledge.md": "from the root",
            "AGENTS.md": "not this one",
            "api/CLAUDE.md": "from api",
            "api/notes.md": "no knowledge",
            "ignored/AGENTS.md": "canary",
            ".gitignore": "ignored/\n",
        },
        home=home,
    )

    text = await filled(here, "KNOWLEDGE_FILES_CONTENTS")

    assert text == (
        "```knowledge.md\nfrom the root\n```\n\n```api/CLAUDE.md\nfrom api\n```\n\n"
        "```~/.AGENTS.md\nfrom home\n```"
    )


async def test_the_other_placeholders_are_there(tmp_path: Path):
    here = bench(tmp_path)

    assert await filled(here, "PROJECT_ROOT") == str(tmp_path)
    assert await filled(here, "USER_CWD") == str(tmp_path)
    assert "Operating System" in await filled(here, "SYSTEM_INFO_PROMPT")
