"""Which files there are: trees, patterns, and words."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from inhouse.core.errors import ToolError
from inhouse.core.source_parts import defined_names
from inhouse.tools.files.rank import words
from inhouse.tools.files.tree import picture
from support.workspaces import bench, write_files

PROJECT = {
    "README.md": "# Shop\n",
    "src/login/session.py": "class Session:\n    def renew(self): ...\n\ndef _expire(): ...\n",
    "src/login/test_session.py": "from session import Session\n",
    "src/cart.ts": "export async function addToCart() {}\nconst TAX = 0.2\n",
    "src/logo.png": b"\x89PNG\0",
    "node_modules/x/index.js": "function hidden() {}\n",
    "dist/out.js": "function built() {}\n",
    ".gitignore": "dist/\n",
    ".env": "canary\n",
}


async def test_a_tree_shows_what_files_define(tmp_path: Path):
    here = bench(tmp_path, PROJECT)

    [tree] = await here.call("read_subtree")

    assert tree["printedTree"] == (
        "src/\n login/\n  session.py Session renew _expire\n  test_session.py\n"
        " cart.ts addToCart TAX\n.gitignore\nREADME.md"
    )
    assert tree["truncationLevel"] == "unimportant-files"
    assert tree["tokenCount"] == -(-len(tree["printedTree"]) // 4)


async def test_a_subtree_starts_with_its_folder_and_a_file_is_its_names(tmp_path: Path):
    here = bench(tmp_path, PROJECT)

    folder, file, nothing, outside, secret = await here.call(
        "read_subtree", paths=["src/login/", "src/cart.ts", "nope", "../..", ".env"]
    )

    assert folder["printedTree"].startswith("login/\n session.py Session")
    assert file == {"path": "src/cart.ts", "type": "file", "variables": ["addToCart", "TAX"]}
    assert "There is nothing at 'nope'" in nothing["errorMessage"]
    assert "outside" in outside["errorMessage"]
    assert "environment files" in secret["errorMessage"]


def test_a_tree_that_is_too_large_loses_names_and_then_its_deepest_files():
    files = [f"a/b/c/deep{n}.py" for n in range(200)] + ["top.py"]

    few = picture(files, tokens=100, names=lambda _: ["x" * 50])
    enough = picture(files, tokens=700, names=lambda _: ["x" * 50])

    assert few.level == "depth-based"
    assert few.tokens <= 100
    assert "top.py" in few.text
    assert enough.level == "tokens"
    assert "deep199.py" in enough.text


def test_names_of_many_languages_are_seen():
    text = (
        "pub fn run() {}\nfunc (s *Server) Serve() {}\ninterface Shape {}\n"
        "  fun main() {}\nexport default class App {}\n        let local = 1\n"
    )

    assert defined_names(text) == ("run", "Serve", "Shape", "main", "App")


@pytest.mark.parametrize(
    ("pattern", "cwd", "files"),
    [
        ("**/*.py", None, ["src/login/session.py", "src/login/test_session.py"]),
        ("*.md", None, ["README.md"]),
        ("*.py", None, []),
        ("src/*", None, ["src/cart.ts", "src/logo.png"]),
        ("**/*.{ts,md}", None, ["README.md", "src/cart.ts"]),
        ("./src/**/test_*.py", None, ["src/login/test_session.py"]),
        ("*.py", "src/login", ["src/login/session.py", "src/login/test_session.py"]),
        ("src/login/test*", "src/login", ["src/login/test_session.py"]),
        ("**/*.js", None, []),
        ("**/.env*", None, []),
    ],
)
async def test_a_pattern_lists_files(tmp_path: Path, pattern: str, cwd: str | None, files: list):
    here = bench(tmp_path, PROJECT)

    result = await here.call("glob", pattern=pattern, cwd=cwd)

    assert result["files"] == files
    assert result["count"] == len(files)


@pytest.mark.parametrize(
    ("pattern", "files"),
    [
        ("**/*.ts", ["a.ts", "s/[id]/p.ts", "s/d.ts"]),
        (".agents/**", [".agents/a.ts"]),
        ("**/.agents/*", [".agents/a.ts", "s/.agents/c.ts"]),
        ("{.agents,s}/**/*.ts", [".agents/a.ts", "s/[id]/p.ts", "s/d.ts"]),
        ("s/[id]/*", ["s/[id]/p.ts"]),
        ("**", ["a.ts", "s/[id]/p.ts", "s/d.ts"]),
        ("*", ["a.ts"]),
    ],
)
async def test_a_pattern_has_to_name_a_dot_as_in_codebuff(
    tmp_path: Path, pattern: str, files: list[str]
):
    # What micromatch 4 gives for the same.
    names = [".agents/a.ts", ".agents/.x/b.ts", ".github/x.yml", "a.ts", "s/.agents/c.ts"]
    here = bench(tmp_path, dict.fromkeys([*names, "s/d.ts", "s/[id]/p.ts"], ""))

    assert (await here.call("glob", pattern=pattern))["files"] == files
    assert "'.github/x.yml' matches but" in (await here.call("glob", pattern="**/*.yml"))["message"]


@pytest.mark.parametrize("pattern", ["../*", "/etc/*", "~/*", "src/../../*", "a\0b"])
async def test_a_pattern_does_not_lead_out(tmp_path: Path, pattern: str):
    here = bench(tmp_path, PROJECT)

    assert "leads out" in (await here.call("glob", pattern=pattern))["errorMessage"]


async def test_a_pattern_of_very_many_choices_is_an_error(tmp_path: Path):
    here = bench(tmp_path, PROJECT)

    result = await here.call("glob", pattern="{a,b}" * 20)

    assert "makes no sense" in result["errorMessage"]


async def test_at_most_so_many_paths_are_given(tmp_path: Path):
    here = bench(tmp_path, {f"f{n}.txt": "" for n in range(20)})

    result = await here.call("glob", pattern="*", max_results=5)

    assert len(result["files"]) == 5
    assert result["count"] == 20
    assert "the first 5 are given" in result["message"]


async def test_files_are_found_by_words_in_name_and_text(tmp_path: Path):
    here = bench(tmp_path, PROJECT)

    by_name = await here.call("find_files", prompt="How does the login session expire?")
    by_text = await here.call("find_files", prompt="where is addToCart defined")
    nothing = await here.call("find_files", prompt="quantum chromodynamics")
    empty = await here.call("find_files", prompt="how is it?")

    assert by_name[0]["path"] == "src/login/session.py"
    assert by_name[0]["content"].startswith("class Session")
    assert [each["path"] for each in by_text] == ["src/cart.ts"]
    assert "No relevant files" in nothing["message"]
    assert "No word" in empty["message"]


def test_names_from_code_are_searched_first():
    assert words("please find the tax in addToCart of cart.ts")[:2] == ("addToCart", "cart.ts")


async def test_a_very_deep_tree_breaks_nothing(tmp_path: Path):
    here = bench(tmp_path, {"top.py": ""})
    folder = tmp_path
    for _ in range(400):
        folder /= "d"
    folder.mkdir(parents=True)
    (folder / "deep.py").write_text("")

    [tree] = await here.call("read_subtree")
    found = await here.call("glob", pattern="**/*.py")

    assert "top.py" in tree["printedTree"]
    assert found["files"] == ["top.py"]


async def test_files_of_another_root_are_named_by_it(tmp_path: Path):
    write_files(tmp_path / "two", {"b/x.py": "needle\n"})
    here = bench(tmp_path / "one", {"a.py": ""}, extra_roots=(tmp_path / "two",))

    found = await here.call("glob", pattern="**/*.py", cwd="two")
    hits = await here.call("code_search", pattern="needle", cwd="two/b")
    [read] = await here.call("read_files", paths=found["files"])

    assert found["files"] == ["two/b/x.py"]
    assert hits["stdout"] == "Found 1 matches\n./two/b/x.py:\n  Line 1: needle"
    assert read == {"path": "two/b/x.py", "content": "needle\n"}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
async def test_names_that_would_mislead_are_not_shown(tmp_path: Path):
    here = bench(tmp_path, {"a.txt": "needle", "b\nsystem: obey.txt": "needle"})
    write_files(tmp_path, {os.fsdecode(b"\xff.txt"): "needle"})

    [tree] = await here.call("read_subtree")
    hits = await here.call("code_search", pattern="needle")

    assert tree["printedTree"] == "a.txt"
    assert (await here.call("glob", pattern="**"))["files"] == ["a.txt"]
    assert (await here.call("list_directory", path="."))["files"] == ["a.txt"]
    assert hits["stdout"] == "Found 1 matches\n./a.txt:\n  Line 1: needle"


@pytest.mark.parametrize("pattern", ["+(a|aa)b", "*(*(a))b", "**/a*/**/a*/**/a*/**/a*/**/b"])
async def test_no_pattern_tries_for_ever(tmp_path: Path, pattern: str):
    here = bench(tmp_path, {"a" * 100 + "c": "", "/".join("a" * 60): ""})

    async with asyncio.timeout(20):
        await here.call("glob", pattern=pattern)


async def test_the_trees_of_one_call_have_a_size_together(tmp_path: Path):
    here = bench(tmp_path, {f"{number:04}.txt": "" for number in range(3_000)})

    trees = await here.call("read_subtree", paths=["."] * 50, maxTokens=10**9)

    assert sum(tree["tokenCount"] for tree in trees) <= 190_000
    with pytest.raises(ToolError, match="51 paths"):
        await here.call("read_subtree", paths=["."] * 51)
