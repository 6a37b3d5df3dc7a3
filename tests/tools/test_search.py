"""Searching: what ripgrep finds, within limits, and never in files that are refused."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from inhouse.core.errors import ToolError
from inhouse.tools.files.overlay import seen
from inhouse.tools.search import ripgrep
from inhouse.tools.search.code_search import search
from inhouse.tools.search.flags import read_flags
from inhouse.tools.search.results import Query
from support.workspaces import Bench, bench

PROGRAMS = [pytest.param(ripgrep.find(), id="ripgrep"), pytest.param(None, id="python")]

SECRETS = {
    ".env": "KEY=canary\n",
    ".env.local": "canary\n",
    "deep/.env": "canary\n",
    "server.pem": "canary\n",
    ".ssh/config": "canary\n",
    ".npmrc": "canary\n",
    ".git/config": "canary\n",
    "build/out.txt": "canary\n",
    "node_modules/x/a.js": "canary\n",
    "private/a.txt": "canary\n",
    "sub/secret.txt": "canary\n",
    "sub/.gitignore": "secret.txt\n",
    ".gitignore": "build/\n",
    ".codebuffignore": "private/\n",
    "found.txt": "canary\n",
    ".env.example": "canary\n",
}


async def find(here: Bench, program: str | None, pattern: str, flags: str = "", **more: Any):
    place = here.context.access.place(more.pop("cwd", "."))
    files = await seen(here.context)
    return await search(files, Query((place,), pattern, read_flags(flags), **more), program=program)


def test_a_package_brings_ripgrep():
    assert ripgrep.find() is not None


@pytest.mark.parametrize("program", PROGRAMS)
async def test_matches_are_grouped_by_file(tmp_path: Path, program: str | None):
    here = bench(
        tmp_path, {"b.py": "x\nneedle 1\n", "a/c.py": "needle 2\nneedle 3\n", ".h": "needle"}
    )

    result = await find(here, program, r"needle \d")

    assert result["stdout"] == (
        "Found 3 matches\n./a/c.py:\n  Line 1: needle 2\n  Line 2: needle 3\n\n"
        "./b.py:\n  Line 2: needle 1"
    )
    assert result["message"] == "Exit code: 0"


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("flags", ["", "-g '**/*'", "-g .env -g '*.pem'", "--hidden -i"])
async def test_refused_files_are_never_in_the_results(
    tmp_path: Path, program: str | None, flags: str
):
    here = bench(tmp_path, SECRETS)

    result = await find(here, program, "canary", flags)

    shown = {line[2:-1] for line in result["stdout"].splitlines() if line.startswith("./")}
    assert shown <= {"found.txt", ".env.example"}
    if not flags:
        assert shown == {"found.txt", ".env.example"}


@pytest.mark.parametrize("program", PROGRAMS)
async def test_links_are_not_followed(tmp_path: Path, program: str | None):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/a.txt").write_text("canary")
    here = bench(tmp_path / "w", {"b.txt": "b"})
    (here.root / "link").symlink_to(tmp_path / "outside")
    (here.root / "file").symlink_to(tmp_path / "outside/a.txt")

    result = await find(here, program, "canary")

    assert result["stdout"] == "Found 0 matches"


@pytest.mark.parametrize("program", PROGRAMS)
async def test_there_are_limits_for_a_file_and_for_all(tmp_path: Path, program: str | None):
    many = {f"f{n:02}.txt": "needle\n" * 20 for n in range(30)}
    here = bench(
        tmp_path, {"one/a.txt": "needle\n" * 40, **{f"all/{k}": v for k, v in many.items()}}
    )

    one = await find(here, program, "needle", cwd="one")
    every = await find(here, program, "needle", cwd="all")

    assert one["stdout"].startswith("Found 15 matches\n./one/a.txt:")
    assert "[Results limited to 15 per file in:\n./one/a.txt]" in one["stdout"]
    assert every["stdout"].startswith("Found 250 matches")
    assert "[Stopped at 250 results; there may be more.]" in every["stdout"]


@pytest.mark.parametrize("program", PROGRAMS)
async def test_long_output_is_cut(tmp_path: Path, program: str | None):
    here = bench(tmp_path, {f"f{n}.txt": ("needle " + "x" * 5_000 + "\n") * 5 for n in range(20)})

    result = await find(here, program, "needle")

    assert len(result["stdout"]) < 20_300
    assert "20,000 characters" in result["stdout"]


@pytest.mark.parametrize("program", PROGRAMS)
async def test_flags_choose_lines_and_files(tmp_path: Path, program: str | None):
    here = bench(tmp_path, {"a.py": "one\nTWO\nthree\n", "a.md": "two\n"})

    assert "Found 2 matches" in (await find(here, program, "two", "-i"))["stdout"]
    assert "./a.md" not in (await find(here, program, "two", "-in -g '*.py'"))["stdout"]
    around = await find(here, program, "TWO", "-C 1")
    assert "Line 1: one\n  Line 2: TWO\n  Line 3: three" in around["stdout"]
    assert (await find(here, program, "e$", "-l"))["stdout"] == "Found 1 files\n./a.py"
    assert (await find(here, program, "e$", "-c"))["stdout"] == "Found 2 matches\n./a.py:2"


@pytest.mark.parametrize("program", PROGRAMS)
async def test_a_pattern_that_makes_no_sense_is_an_error(tmp_path: Path, program: str | None):
    here = bench(tmp_path, {"a.py": "x"})

    result = await find(here, program, "(")

    assert "The search failed" in result["errorMessage"]


@pytest.mark.parametrize(
    "flags",
    [
        "--pre cat",
        "--pre=cat",
        "--hostname-bin=/bin/sh",
        "-f /etc/passwd",
        "--file=/etc/passwd",
        "-r x",
        "-z",
        "--search-zip",
        "-L",
        "--follow",
        "--no-ignore",
        "-u",
        "-uuu",
        "--ignore-file=/etc/passwd",
        "--type-add 'x:*.pem'",
        "-iL",
        "/etc",
        "../..",
        "-- /etc",
        "-A many",
        "-e",
        "'unclosed",
        "--debug",
    ],
)
def test_other_flags_are_refused(flags: str):
    with pytest.raises(ToolError):
        read_flags(flags)


async def test_the_tool_searches_a_folder_of_the_workspace_only(tmp_path: Path):
    here = bench(tmp_path / "w", {"src/a.py": "needle", "b.py": "needle"})

    inside = await here.call("code_search", pattern="needle", cwd="src")
    outside = await here.call("code_search", pattern="needle", cwd="..")
    file = await here.call("code_search", pattern="needle", cwd="b.py")
    dashes = await here.call("code_search", pattern="--pre=x")

    assert inside["stdout"] == "Found 1 matches\n./src/a.py:\n  Line 1: needle"
    assert "outside of the workspace" in outside["errorMessage"]
    assert "is not a folder" in file["errorMessage"]
    assert dashes["stdout"] == "Found 0 matches"


async def test_a_match_late_in_a_long_line_is_shown_and_none_is_dropped(tmp_path: Path):
    late = "var a=1;é" * 2_000 + "function needleLate(){}" + "var b=2;" * 2_000
    here = bench(
        tmp_path,
        {
            "app.min.js": late,
            "huge.json": '{"k":"' + "a" * 5_000_000 + '","needleLate":1}',
            "latin.txt": "café needleLate\n".encode("latin-1"),
        },
    )

    found = (await here.call("code_search", pattern="needleLate"))["stdout"]

    assert "function needleLate(){}" in found
    assert "huge.json" in found
    assert "more than 4 MB" in found
    assert "café needleLate" in found
    assert len(found) < 4_000


@pytest.mark.parametrize(
    ("pattern", "flags", "hits"),
    [
        ("needle", "-rn", 3),
        ("needle", "-E -in", 3),
        ("needle", "-C3", 3),
        ("needle", "--include=*.ts", 1),
        ("needle", "--exclude '*.ts'", 2),
        ("(?<=const )needle", "", 1),
        ("1$", "", 1),
        ("needle 2", "-x", 1),
        ("needle 1\\|needle 2", "-rn .", 2),
        (r"\(const\) \{0,1\}needle", "-1 -oh --color=always", 1),
        (r"1\n.*tail", "", 1),
        ("1\ntail", "-F", 1),
        (r"needle \(md\)", "", 1),
    ],
)
async def test_what_grep_has_taught_is_taken(tmp_path: Path, pattern: str, flags: str, hits: int):
    files = {
        "a.ts": "const needle 1\r\ntail\r\n",
        "b.py": "needle 2\r\n",
        "c.md": "needle (md)\r\n",
    }
    here = bench(tmp_path, files)

    found = await here.call("code_search", pattern=pattern, flags=flags)

    assert found["stdout"].startswith(f"Found {hits} match"), found


async def test_a_pattern_that_makes_no_sense_gives_ripgreps_whole_words(tmp_path: Path):
    here = bench(tmp_path, {"a.txt": "x\n"})

    found = await here.call("code_search", pattern="a" * 1_500 + "(")
    file = await here.call("code_search", pattern="x", cwd="a.txt")

    assert "unclosed group" in found["errorMessage"]
    assert "-g 'a.txt'" in file["errorMessage"]


@pytest.mark.parametrize(
    ("codec", "line"),
    [
        ("utf-16", "Grüße an Müller"),
        ("latin-1", "Grüße an Müller"),
        ("cp1252", "Preis: 5 € für Müller"),
        ("gb18030", "我们在这里说的是中文他们不知道这个人"),
        ("cp932", "これはテストのファイルです。カタカナ"),
        ("euc_kr", "안녕하세요 세계 여러분 반갑습니다"),
    ],
)
async def test_texts_in_other_encodings_are_searched_and_shown_as_they_read(
    tmp_path: Path, codec: str, line: str
):
    name = "a\u2028\x85.txt"  # What Python, but not a file system, takes for the ends of lines.
    here = bench(tmp_path, {name: f"first\n{line} end\n".encode(codec), "b.txt": "other\n"})
    word = line[:3]

    for pattern in (word, f"{word}.*end", f"^{word}", f"\\p{{L}}+{line[2]}", "^.* end$"):
        found = await here.call("code_search", pattern=pattern)
        assert f"./{name}:\n  Line 2: {line} end" in found["stdout"], (pattern, found)
    assert name not in (await here.call("code_search", pattern=f"{word}x"))["stdout"]


async def test_what_git_tracks_is_searched_although_it_is_ignored(tmp_path: Path):
    files = {"build/kept.txt": "needle\n", "build/loose.txt": "needle\n", ".gitignore": "build/\n"}
    here = bench(tmp_path, files)
    for words in (("init", "-q"), ("add", "-f", "build/kept.txt")):
        subprocess.run(["git", "-C", tmp_path, *words], check=True)  # noqa: ASYNC221  a moment

    everywhere = await here.call("code_search", pattern="needle")
    below = await here.call("code_search", pattern="needle", cwd="build")
    narrowed = await here.call("code_search", pattern="needle", flags="-g *.md")

    assert everywhere["stdout"] == "Found 1 matches\n./build/kept.txt:\n  Line 1: needle"
    assert "kept.txt" in below["stdout"]
    assert "kept.txt" not in narrowed["stdout"]
