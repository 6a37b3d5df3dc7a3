"""A name that a result gives is a name that every tool takes, and means that very file."""

import os
import shutil
import unicodedata
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.workspaces import bench, write_files

PART = st.sampled_from(
    [
        *("a", "app", "[b]", "[...b]", "~", "~c", "d e", " lead", "trail ", "back\\slash", "x:12"),
        *("@at", "`tick`", "'q'", '"q"', "caf\u00e9", "cafe\u0301", "#L3", "%2e", "{b}", "-dash"),
        *("*", "?", "!not", "C:", "...", "a.py:3:4", "\u201cc\u201d", "(p)", "$x", "a,b", "file:"),
        *(
            "dot.",
            "end. ",
            "A",
            "a.py",
            "a.py:12",
            "a.py#L12",
            "%2f",
            "%252e%252e",
            "B\u0301",
            "#c",
        ),
    ]
)
TREE = st.lists(st.lists(PART, min_size=1, max_size=3), min_size=1, max_size=6)


@given(st.lists(TREE, min_size=1, max_size=3), st.sampled_from(["same", "nested", "other"]))
@settings(max_examples=12)
async def test_every_path_of_every_result_is_that_very_file(trees, kind):
    top = Path(mkdtemp())
    try:
        folders = ["app"] * len(trees) if kind == "same" else ["app", "lib", "c"][: len(trees)]
        roots = [top / f"r{number}" / name for number, name in enumerate(folders)]
        if kind == "nested" and len(roots) > 1:
            roots[1] = roots[0] / "app"
        contents = _made(roots, trees)
        here = bench(roots[0], extra_roots=tuple(roots[1:]))

        found = await _all_names(here)

        assert {name for names in found.values() for name in names}
        for tool, names in found.items():
            for name, content in names.items():
                [read] = await here.call("read_files", paths=[name])
                assert read["content"] == content or content is None, (tool, name)
        assert set(found["search"].values()) == set(contents.values())
        for tool in set(found) - {"glob", "find_files"}:  # Those leave some out.
            assert len(found[tool]) == len(contents), (tool, found[tool])
    finally:
        shutil.rmtree(top)


def _made(roots: list[Path], trees: list[list[list[str]]]) -> dict[Path, str]:
    contents: dict[Path, str] = {}
    for root in roots:
        root.mkdir(parents=True, exist_ok=True)
    for root, tree in zip(roots, trees, strict=True):
        for number, parts in enumerate(tree):
            file = root.joinpath(*parts)
            if file.exists() or any(each.is_file() for each in file.parents):
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            contents[file] = f"needle {number} {len(contents)}\n"
            file.write_text(contents[file])
    return contents


async def _all_names(here) -> dict[str, dict[str, str | None]]:
    """Give what each tool names, with the content that it says to be there."""
    searched = await here.call("code_search", pattern="needle", maxResults=9)
    names: dict[str, str | None] = {}
    for part in searched["stdout"].split("\n\n"):
        head, _, line = (
            part.partition("\n") if part[:5] != "Found" else part.split("\n", 1)[1].partition("\n")
        )
        names[head.removesuffix(":")] = line.partition(": ")[2] + "\n"
    globbed = await here.call("glob", pattern="**/*")
    found = await here.call("find_files", prompt="needle")
    [tree] = await here.call("read_subtree", paths=["."])
    roots = {top.shown: "" for top in here.context.access.tops()}
    for root in roots:
        read = await here.call("list_directory", path=root)
        assert "errorMessage" not in read
    given = await here.call("read_files", paths=list(names))
    return {
        "search": names,
        "glob": dict.fromkeys(globbed["files"]),
        "find_files": {each["path"]: each["content"] for each in found},
        "list_directory": dict.fromkeys(
            [name for root in roots for name in await _listed(here, root)]
        ),
        "read_subtree": dict.fromkeys(_drawn(tree["printedTree"])),
        "read_files": {each["path"]: each["content"] for each in given},
    }


async def _listed(here, folder: str) -> list[str]:
    """Go through folders as a model does: by the names that it is given."""
    told = await here.call("list_directory", path=folder)
    assert "directories" in told, told
    below = [f"{told['path']}/{name}" for name in told["directories"]]
    names = [f"{told['path']}/{name}" for name in told["files"]]
    return names + [name for each in below for name in await _listed(here, each)]


def _drawn(tree: str) -> list[str]:
    """Read the paths off a picture by its indentation."""
    folders: list[str] = []
    names: list[str] = []
    for line in tree.split("\n"):
        name = line.lstrip(" ")
        folders = folders[: len(line) - len(name)]
        if name.endswith("/"):
            folders.append(name)
        else:
            names.append("".join((*folders, name)))
    return names


async def test_the_second_root_of_the_same_name_keeps_its_files_to_itself(tmp_path: Path):
    one, two = tmp_path / "x/app", tmp_path / "y/app"
    write_files(one, {"a.txt": "first\n"})
    write_files(two, {"a.txt": "second\n"})
    here = bench(one, extra_roots=(two,))
    [second] = [name for name in (await here.call("glob", pattern="*.txt"))["files"] if "/" in name]

    await here.call(
        "str_replace", path=second, replacements=[{"oldString": "second", "newString": "changed"}]
    )

    assert ((one / "a.txt").read_text(), (two / "a.txt").read_text()) == ("first\n", "changed\n")
    ambiguous = await here.call("write_file", path="app/a.txt", instructions="", content="x")
    assert str(one / "a.txt") in ambiguous["errorMessage"]
    assert str(two / "a.txt") in ambiguous["errorMessage"]


async def test_a_short_name_stays_when_the_first_root_gets_such_a_folder(tmp_path: Path):
    one, two = tmp_path / "one", tmp_path / "lib"
    write_files(one, {"a.txt": "first\n"})
    write_files(two, {"a.txt": "second\n"})
    here = bench(one, extra_roots=(two,))
    before = (await here.call("glob", pattern="**/*.txt"))["files"]
    write_files(one, {"lib/a.txt": "third\n"})

    after = (await here.call("glob", pattern="**/*.txt"))["files"]
    read = await here.call("read_files", paths=after)

    assert "lib/a.txt" in before
    assert [each["content"] for each in read] == ["third\n", "first\n", "second\n"]


async def test_a_root_behind_a_link_works_by_every_name(tmp_path: Path):
    write_files(tmp_path / "real/app", {"a.txt": "one\n"})
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "other").symlink_to("real")
    here = bench(tmp_path / "link/app")

    names = [f"{tmp_path}/{each}/app/a.txt" for each in ("link", "real", "other")]
    read = await here.call("read_files", paths=[*names, "a.txt", "app/a.txt"])

    assert [each["content"] for each in read] == ["one\n"] * 5


@pytest.mark.parametrize(
    "name",
    [
        *("src\\main.py", ".\\src\\main.py", "src/main.py:1", "src/main.py:1-3", "src/main.py#L3"),
        *("@src/main.py", "`src/main.py`", "'src/main.py'", " src/main.py\n", "src/main.py:1:2"),
        *("./src/./main.py", "src//main.py"),
    ],
)
async def test_a_name_written_by_habit_means_the_file(tmp_path: Path, name: str):
    here = bench(tmp_path, {"src/main.py": "MAIN\n"})

    [read] = await here.call("read_files", paths=[name])

    assert read == {"path": read["path"], "content": "MAIN\n"}
    assert read["path"].removeprefix("./") == "src/main.py"


@pytest.mark.skipif(os.name == "nt", reason="names that Windows does not have")
@pytest.mark.parametrize("name", ["end ", " a b.txt", "100%.txt", "x#y.md", "שלום 😀.py", "-rf"])
async def test_a_uri_means_the_file_whatever_its_name_is(tmp_path: Path, name: str):
    here = bench(tmp_path, {name: "one\n", "a%20b": "literally\n"})
    uri = (tmp_path / name).as_uri()

    read = await here.call("read_files", paths=[uri, quote(name), "a%20b"])
    await here.call(
        "write_file", path=(tmp_path / f"new/{name}").as_uri(), instructions="", content="new\n"
    )
    outside = await here.call("write_file", path="file:///etc/x", instructions="", content="x\n")

    assert [each["content"] for each in read] == ["one\n", "one\n", "literally\n"]
    assert (tmp_path / "new" / name.rstrip()).read_text() == "new\n"  # No silly new name.
    assert "outside of the workspace" in outside["errorMessage"]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
async def test_letters_are_the_same_composed_or_not(tmp_path: Path, form: str):
    name = unicodedata.normalize(form, "Absch\u00e4tzung \u00e9/\u00fc.md")
    other = unicodedata.normalize("NFD" if form == "NFC" else "NFC", name)
    here = bench(tmp_path, {name: "one\n"})

    [read] = await here.call("read_files", paths=[other])
    await here.call("write_file", path=other, instructions="", content="two\n")

    assert read["content"] == "one\n"
    assert _files(tmp_path) == {name: "two\n"}


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("src\\new.py", "src/new.py"),
        ("`src/new.py`", "src/new.py"),
        ("@src/new.py", "src/new.py"),
        ("@types/new.d.ts", "@types/new.d.ts"),
        ("src/new/", None),
    ],
)
async def test_no_file_is_made_under_a_silly_name(tmp_path: Path, name: str, made: str | None):
    here = bench(tmp_path, {"src/main.py": "MAIN\n"})

    await here.call("write_file", path=name, instructions="", content="x\n")

    assert set(_files(tmp_path)) == {"src/main.py", made} - {None}


def _files(root: Path) -> dict[str, str]:
    files = [file for file in root.rglob("*") if file.is_file()]
    return {str(file.relative_to(root)): file.read_text() for file in files}
