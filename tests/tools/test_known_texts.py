"""The text that the model saw is the base of what it writes."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.core.hunks import lines, merged
from inhouse.tools.context import ToolContext
from inhouse.tools.known_texts import KnownTexts
from inhouse.tools.registry import workspace_tools
from inhouse.tools.tool_set import ToolSet
from support.workspaces import Answers, bench

UNIQUE = [f"line {n}\n" for n in range(12)]


@st.composite
def changed(draw):
    """Some lines of a text of unique lines taken away, replaced, or new ones put between."""
    text: list[str] = []
    mark = draw(st.sampled_from("xyz"))
    for number, line in enumerate(UNIQUE):
        kind = draw(st.sampled_from(["keep"] * 6 + ["drop", "change", "add"]))
        text += [f"{mark} new {number}\n"] if kind == "add" else []
        text += [] if kind == "drop" else [f"{mark} {line}"] if kind == "change" else [line]
    return "".join(text)


@given(changed(), changed())
def test_a_merge_has_what_either_side_added_and_nothing_that_either_took_away(mine, theirs):
    base = "".join(UNIQUE)

    both = merged(base, mine, theirs)

    assert merged(base, mine, base) == mine
    assert merged(base, base, theirs) == theirs
    assert merged(base, mine, mine) == mine
    if both is None:
        return
    was, a, b, now = (set(lines(text)) for text in (base, mine, theirs, both))
    assert (a - was) | (b - was) <= now
    assert not now & ((was - a) | (was - b))
    assert now <= was | a | b


@given(changed(), changed())
def test_a_merge_is_the_one_that_git_makes_where_git_makes_one(tmp_path_factory, mine, theirs):
    folder = tmp_path_factory.mktemp("merge")
    for name, text in (("mine", mine), ("base", "".join(UNIQUE)), ("theirs", theirs)):
        (folder / name).write_text(text)

    words = ["git", "merge-file", "-p", "mine", "base", "theirs"]
    told = subprocess.run(words, cwd=folder, capture_output=True, check=False)
    ours = merged("".join(UNIQUE), mine, theirs)

    if told.returncode == 0 and ours is not None:
        assert ours == told.stdout.decode()


async def test_a_file_that_was_never_read_is_not_overwritten_blindly(tmp_path: Path):
    here = bench(tmp_path, {"a.txt": "somebody's text\n", "empty.txt": ""})

    refused = await write(here, "a.txt", "mine\n")
    await write(here, "empty.txt", "mine\n")

    assert "you have not read it: nothing was written" in refused["errorMessage"]
    assert (tmp_path / "a.txt").read_text() == "somebody's text\n"
    assert (tmp_path / "empty.txt").read_text() == "mine\n"

    await here.call("read_files", paths=["a.txt"])
    await write(here, "a.txt", "mine\n")

    assert (tmp_path / "a.txt").read_text() == "mine\n"


async def test_a_rewrite_that_loses_definitions_is_told(tmp_path: Path):
    here = bench(tmp_path, {"a.py": "def add():\n    return 1\n\n\ndef sub():\n    return 2\n"})
    await here.call("read_files", paths=["a.py"])

    one = await write(here, "a.py", "def add():\n    return 3\n")
    other = await write(here, "a.py", "def add():\n    return 4\n")

    assert "Your text no longer defines sub." in one["message"]
    assert "no longer defines" not in other["message"]


async def test_prose_defines_nothing(tmp_path: Path):
    here = bench(tmp_path, {"a.md": "class struggle was a theme.\n"})
    await here.call("read_files", paths=["a.md"])

    said = await write(here, "a.md", "It was a theme.\n")

    assert "no longer defines" not in said["message"]


async def test_a_part_that_was_read_is_no_whole_text(tmp_path: Path):
    text = "".join(UNIQUE)
    here = bench(tmp_path, {"a.txt": text})
    await here.call("read_files", paths=[{"path": "a.txt", "offset": 1, "limit": 5}])

    refused = await write(here, "a.txt", "mine\n")
    assert "only a part" in refused["errorMessage"]
    assert (tmp_path / "a.txt").read_text() == text

    await here.call("read_files", paths=[{"path": "a.txt", "offset": 6}])
    await write(here, "a.txt", "mine\n")
    assert (tmp_path / "a.txt").read_text() == "mine\n"


async def test_changes_since_the_model_read_are_kept_and_told(tmp_path: Path):
    here = bench(tmp_path, {"a.txt": "".join(UNIQUE)})
    await here.call("read_files", paths=["a.txt"])
    (tmp_path / "a.txt").write_text("".join(UNIQUE).replace("line 9\n", "the user's 9\n"))

    result = await write(here, "a.txt", "".join(UNIQUE).replace("line 2\n", "mine 2\n"))

    now = (tmp_path / "a.txt").read_text()
    assert "mine 2\n" in now
    assert "the user's 9\n" in now
    assert "+the user's 9" in result["message"]


@pytest.mark.parametrize("tool", ["write_file", "propose_write_file", "delete", "patch"])
async def test_what_does_not_fit_is_refused_with_the_difference_and_the_next_try_counts(
    tmp_path: Path, tool: str
):
    here = bench(tmp_path, {"a.txt": "one\ntwo\nthree\n"})
    await here.call("read_files", paths=["a.txt"])
    (tmp_path / "a.txt").write_text("one\nthe user's\nthree\n")

    def again():
        match tool:
            case "delete":
                operation = {"type": "delete_file", "path": "a.txt"}
                return here.call("apply_patch", operation=operation)
            case "patch":
                diff = "@@\n one\n-two\n+mine\n three"
                operation = {"type": "update_file", "path": "a.txt", "diff": diff}
                return here.call("apply_patch", operation=operation)
            case _:
                return here.call(tool, path="a.txt", instructions="", content="one\nmine\nthree\n")

    refused = await again()
    assert (tmp_path / "a.txt").read_text() == "one\nthe user's\nthree\n"
    if tool == "patch":
        assert "are not in the file" in refused["errorMessage"]
        return
    assert "has changed since you read it" in refused["errorMessage"]
    assert "+the user's" in refused["errorMessage"]

    assert "errorMessage" not in await again()


async def test_a_place_is_sought_in_the_text_that_the_model_saw(tmp_path: Path):
    block = "def f():\n    x = 1\n    return x\n"
    here = bench(tmp_path, {"a.py": f"# top\n{block}"})
    await here.call("read_files", paths=["a.py"])
    (tmp_path / "a.py").write_text(f"# top\n{block.replace('f()', 'g()')}\n\n{block}")

    pair = {"oldString": "    x = 1", "newString": "    x = 2"}
    result = await here.call("str_replace", path="a.py", replacements=[pair])

    now = (tmp_path / "a.py").read_text()
    assert "errorMessage" in result or now.endswith("def f():\n    x = 2\n    return x\n"), now
    assert "def g():\n    x = 1\n" in now


async def test_two_agents_that_write_one_file_both_keep_their_lines_or_one_is_told(tmp_path: Path):
    here = bench(tmp_path, {"a.txt": "".join(UNIQUE)})
    other = ToolContext(here.workspace, Answers(), memory=here.context.memory)
    theirs = ToolSet(workspace_tools(other))
    await here.call("read_files", paths=["a.txt"])
    await theirs["read_files"].run("call-2", {"paths": ["a.txt"]})

    await write(here, "a.txt", "".join(UNIQUE).replace("line 1\n", "first agent\n"))
    content = "".join(UNIQUE).replace("line 8\n", "second agent\n")
    second = {"path": "a.txt", "instructions": "", "content": content}
    told = await theirs["write_file"].run("call-3", second)

    now = (tmp_path / "a.txt").read_text()
    assert "first agent\n" in now
    assert "second agent\n" in now
    assert "those changes are kept" in told["message"]


async def test_a_file_that_was_deleted_meanwhile_does_not_come_back_by_itself(tmp_path: Path):
    here = bench(tmp_path, {"a.txt": "one\n"})
    await here.call("read_files", paths=["a.txt"])
    (tmp_path / "a.txt").unlink()

    refused = await write(here, "a.txt", "two\n")
    assert "it was deleted, and nothing was written" in refused["errorMessage"]
    assert not (tmp_path / "a.txt").exists()

    await write(here, "a.txt", "two\n")
    assert (tmp_path / "a.txt").read_text() == "two\n"


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=8))
def test_a_text_is_whole_when_all_of_it_was_shown(spans):
    known, path, text = KnownTexts(), Path("/a"), "x" * 20
    shown: set[int] = set()

    for start, end in spans:
        if start <= end:
            known.shown(path, text, start, end)
            shown |= set(range(start, end))

    found = known.get(path)
    assert (found is not None and found.is_whole) == (len(shown) == 20)


async def write(here, path: str, content: str):
    return await here.call("write_file", path=path, instructions="", content=content)
