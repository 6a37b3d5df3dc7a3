"""What is not on disk yet counts: searching and listing tools see the files as the run does."""

from pathlib import Path

import pytest

from inhouse.core.ports import Edit
from inhouse.tools.files.overlay import seen
from inhouse.tools.prompt_values import placeholders
from inhouse.tools.search import ripgrep
from inhouse.tools.search.code_search import search
from inhouse.tools.search.flags import read_flags
from inhouse.tools.search.results import Query
from support.workspaces import Bench, bench, write_files

PROGRAMS = [pytest.param(ripgrep.find(), id="ripgrep"), pytest.param(None, id="python")]


async def holding(folder: Path, files: dict, unsaved: dict) -> Bench:
    """A workspace in which some files wait for a review; None: to be deleted."""
    here = bench(folder, files)
    for name, text in unsaved.items():
        before = files.get(name)
        await here.workspace.propose(Edit(here.root / name, before, text))
    return here


async def find(here: Bench, program: str | None, pattern: str, flags: str = "", cwd: str = "."):
    query = Query((here.context.access.place(cwd),), pattern, read_flags(flags))
    return (await search(await seen(here.context), query, program=program))["stdout"]


@pytest.mark.parametrize("program", PROGRAMS)
async def test_unsaved_text_is_searched_and_the_text_on_disk_is_not(
    tmp_path: Path, program: str | None
):
    here = await holding(
        tmp_path,
        {"a.py": "old needle\nx\n", "b.py": "needle on disk\n", "gone.py": "needle\n"},
        {"a.py": "x\ny\nnew needle 😀\n", "new/c.py": "needle", "gone.py": None, "empty.py": ""},
    )

    assert await find(here, program, "needle") == (
        "Found 3 matches\n./a.py:\n  Line 3: new needle 😀\n\n"
        "./b.py:\n  Line 1: needle on disk\n\n./new/c.py:\n  Line 1: needle"
    )
    assert await find(here, program, "needle", cwd="new") == (
        "Found 1 matches\n./new/c.py:\n  Line 1: needle"
    )


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize(
    ("pattern", "flags", "found"),
    [
        (r"ne+dle\d", "", [2]),
        ("NEEDLE", "-i", [1, 2]),
        ("needle", "-w", [1]),
        ("needle.", "-F", []),
        ("^x", "-A 1", [3, 4]),
        ("needle", "-v", [3, 4]),
    ],
)
async def test_unsaved_text_is_searched_by_the_same_rules_as_a_file(
    tmp_path: Path, program: str | None, pattern: str, flags: str, found: list[int]
):
    text = "needle\r\nneedle2\r\nx\r\nend"
    here = await holding(
        tmp_path, {"saved.txt": text, "unsaved.txt": "other"}, {"unsaved.txt": text}
    )

    told = await find(here, program, pattern, flags)

    for name in ("saved", "unsaved"):
        lines = told.partition(f"./{name}.txt:\n")[2].partition("\n\n")[0].splitlines()
        assert [int(line.split()[1].rstrip(":")) for line in lines] == found


@pytest.mark.parametrize("flags", ["-g '*.py'", "-t py", "-g '!*.md' -T txt", "--iglob '*.PY'"])
async def test_globs_and_types_choose_unsaved_files_too(tmp_path: Path, flags: str):
    here = await holding(
        tmp_path,
        {"a.py": "x", "b.md": "needle", "c.txt": "x"},
        {"a.py": "needle", "c.txt": "needle", "deep/new.md": "needle", "deep/new.py": "needle"},
    )

    told = await find(here, ripgrep.find(), "needle", flags)

    assert told == "Found 2 matches\n./a.py:\n  Line 1: needle\n\n./deep/new.py:\n  Line 1: needle"
    assert await find(here, ripgrep.find(), "needle", "-d 1 -l -t py") == "Found 1 files\n./a.py"


async def test_what_no_tool_may_read_is_not_searched_in_a_buffer_either(tmp_path: Path):
    secrets = (".env", "build/out.txt", "id_rsa", ".git/config")
    here = await holding(
        tmp_path, {".gitignore": "build/\n"}, dict.fromkeys(secrets, "canary needle")
    )

    for program in (ripgrep.find(), None):
        assert await find(here, program, "needle") == "Found 0 matches"
    assert (await here.call("glob", pattern=".*"))["files"] == [".gitignore"]
    [tree] = await here.call("read_subtree")
    assert tree["printedTree"] == ".gitignore"
    assert await here.call("list_directory", path=".") == {
        "files": [".gitignore"],
        "directories": [],
        "path": ".",
    }


async def test_lists_and_trees_show_what_will_be_there(tmp_path: Path):
    here = await holding(
        tmp_path,
        {"a.py": "def old(): ...\n", "gone.py": "", "sub/x.py": ""},
        {"a.py": "def fresh(): ...\n", "gone.py": None, "new/b.py": "def other(): ...\n"},
    )

    [tree] = await here.call("read_subtree")
    [new, file] = await here.call("read_subtree", paths=["new", "new/b.py"])
    named = await here.call("find_files", prompt="where is the fresh function")

    assert tree["printedTree"] == "new/\n b.py other\nsub/\n x.py\na.py fresh"
    assert new["printedTree"] == "new/\n b.py other"
    assert file == {"path": "new/b.py", "type": "file", "variables": ["other"]}
    assert (await here.call("glob", pattern="**/*.py"))["files"] == [
        "a.py",
        "new/b.py",
        "sub/x.py",
    ]
    assert (await here.call("glob", pattern="*.py", cwd="new"))["files"] == ["new/b.py"]
    top = await here.call("list_directory", path=".")
    assert (top["files"], top["directories"]) == (["a.py"], ["new", "sub"])
    assert (await here.call("list_directory", path="new"))["files"] == ["b.py"]
    assert [each["path"] for each in named] == ["a.py"]
    assert named[0]["content"] == "def fresh(): ...\n"


async def test_every_root_is_searched_where_no_folder_is_named(tmp_path: Path):
    write_files(tmp_path / "lib", {"b/x.py": "def needle(): ...\n", ".env": "needle\n"})
    write_files(tmp_path / "one" / "inner", {"i.py": "needle\n"})
    write_files(tmp_path / "two", {"one_of_two.py": "needle\n"})
    write_files(tmp_path / "other" / "two", {"same_name.py": "needle\n"})
    here = bench(
        tmp_path / "one",
        {"a.py": "needle\n", "AGENTS.md": "first"},
        extra_roots=(
            *(tmp_path / "lib", tmp_path / "one" / "inner"),
            *(tmp_path / "two", tmp_path / "other" / "two"),
        ),
        home=tmp_path / "home",
    )
    write_files(tmp_path / "lib", {"AGENTS.md": "second"})
    # Two roots of one name are named in full.
    far = {
        (tmp_path / "two" / "one_of_two.py").as_posix(),
        (tmp_path / "other" / "two" / "same_name.py").as_posix(),
    }

    hits = await here.call("code_search", pattern="needle", flags="-l")
    globbed = await here.call("glob", pattern="**/*.py")
    by_name = await here.call("glob", pattern="lib/b/*.py")
    found = await here.call("find_files", prompt="needle")
    [tree] = await here.call("read_subtree")
    knowledge = await placeholders(here.context)["CODEBUFF_KNOWLEDGE_FILES_CONTENTS"]()

    names = {"a.py", "inner/i.py", "lib/b/x.py", *far}
    assert set(hits["stdout"].splitlines()[1:]) == {"./a.py", "./inner/i.py", "./lib/b/x.py", *far}
    assert set(globbed["files"]) == names
    assert by_name["files"] == ["lib/b/x.py"]
    assert {each["path"] for each in found} == names
    assert "lib/\n b/\n  x.py needle" in tree["printedTree"]
    assert "first" in knowledge
    assert "second" in knowledge
    read = await here.call("read_files", paths=sorted(names))
    assert all("needle" in each["content"] for each in read)


async def test_a_folder_that_is_named_is_searched_alone(tmp_path: Path):
    write_files(tmp_path / "two", {"x.py": "needle\n"})
    here = bench(tmp_path / "one", {"a.py": "needle\n"}, extra_roots=(tmp_path / "two",))

    hits = await here.call("code_search", pattern="needle", cwd="two")

    assert hits["stdout"] == "Found 1 matches\n./two/x.py:\n  Line 1: needle"


async def test_a_second_proposal_keeps_what_the_user_wrote_meanwhile(tmp_path: Path):
    lines = [f"line {number}\n" for number in range(20)]
    here = await holding(tmp_path, {"a.py": "".join(lines)}, {})
    path, first = here.root / "a.py", [*lines[:2], "TWO\n", *lines[3:]]
    await here.workspace.propose(Edit(path, "".join(lines), "".join(first)))
    path.write_text("".join([*lines[:10], "USER\n", *lines[11:]]))
    await here.workspace.unsaved()
    second = [*first[:18], "EIGHTEEN\n", *first[19:]]
    await here.workspace.propose(Edit(path, "".join(first), "".join(second)))

    wanted = "".join([*second[:10], "USER\n", *second[11:]])
    assert await here.workspace.unsaved() == {path: wanted}
