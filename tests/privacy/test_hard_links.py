"""A second name of a file outside of the workspace opens no way to it, for reading or writing."""

import os
from pathlib import Path

import pytest

from inhouse.definitions.sandbox.confinement import Confinement, RefusedFileError
from support.workspaces import bench

CANARY = "canary-5e11"
NAMES = ("notes.txt", "AGENTS.md", ".agents/skills/s/SKILL.md")

pytestmark = pytest.mark.skipif(os.name == "nt", reason="makes hard links")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    path = tmp_path / "home/secret"
    path.parent.mkdir()
    path.write_text(f"---\nname: s\ndescription: {CANARY}\n---\n{CANARY}\n")
    for name in NAMES:
        link = tmp_path / "w" / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.hardlink_to(path)
    return path


def untouched(path: Path) -> bool:
    return path.stat().st_nlink == len(NAMES) + 1 and CANARY in path.read_text()


async def test_no_tool_reads_or_writes_through_it(tmp_path: Path, outside: Path):
    here = bench(tmp_path / "w", {"other.txt": "x\n"})
    pair = {"oldString": CANARY, "newString": "x"}
    diff = f"@@\n-{CANARY}\n+x\n"
    operation = {"type": "update_file", "path": "notes.txt", "diff": diff}

    results = [
        await here.call("read_files", paths=list(NAMES)),
        await here.call("code_search", pattern="canary"),
        await here.call("find_files", prompt="canary secret notes"),
        await here.call("str_replace", path="notes.txt", replacements=[pair]),
        await here.call("write_file", path="notes.txt", instructions="", content="x\n"),
        await here.call("apply_patch", operation=operation),
    ]

    assert CANARY not in repr(results[:3])
    assert all("hard link" in repr(each) for each in (results[0], *results[3:])), results
    assert untouched(outside)
    (tmp_path / "w/notes.txt").unlink()
    (tmp_path / "w/notes.txt").write_text("mine\n")
    assert "mine" in repr(await here.call("read_files", paths=["notes.txt"]))


async def test_names_inside_are_one_file_unless_one_of_them_is_protected(tmp_path: Path):
    here = bench(tmp_path, {"a.txt": "one\n", ".env": f"KEY={CANARY}\n"})
    (tmp_path / "deep/er").mkdir(parents=True)
    (tmp_path / "deep/er/b.txt").hardlink_to(tmp_path / "a.txt")
    (tmp_path / "plain.txt").hardlink_to(tmp_path / ".env")

    assert "one" in repr(await here.call("read_files", paths=["deep/er/b.txt"]))
    assert CANARY not in repr(await here.call("read_files", paths=["plain.txt"]))
    assert CANARY not in repr(await here.call("code_search", pattern="KEY"))


@pytest.mark.usefixtures("outside")
def test_no_definition_imports_through_it(tmp_path: Path):
    confinement = Confinement(tmp_path / "w/.agents/a.ts", roots=[tmp_path / "w"])

    with pytest.raises(RefusedFileError, match="hard link"):
        confinement.read(tmp_path / "w/AGENTS.md")
