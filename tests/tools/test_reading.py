"""Files are read as the user sees them, and only those that are the workspace's."""

import os
import re
import socket
from pathlib import Path

import pytest

from support.workspaces import bench


async def test_several_files_are_read_in_one_call(tmp_path: Path):
    here = bench(tmp_path, {"a.txt": "one\n", "src/b.py": "two\r\n"})

    result = await here.call("read_files", paths=["a.txt", "src/b.py"])

    assert result == [
        {"path": "a.txt", "content": "one\n"},
        {"path": "src/b.py", "content": "two\r\n"},
    ]


async def test_a_window_of_lines_says_where_it_ends(tmp_path: Path):
    here = bench(tmp_path, {"a.txt": "".join(f"line {n}\n" for n in range(1, 11))})

    [window] = await here.call("read_files", paths=[{"path": "a.txt", "offset": 3, "limit": 2}])

    assert window["content"] == "line 3\nline 4\n[Lines 3-4 of 10.  More: offset 5.]"


async def test_windowed_reads_begin_with_2_000_lines(tmp_path: Path):
    files = {"a.txt": "".join(f"{n}\n" for n in range(5_000))}
    here = bench(tmp_path, files, windowed_file_reads=True)

    [window] = await here.call("read_files", paths=["a.txt"])

    assert window["content"].endswith("1999\n[Lines 1-2000 of 5,000.  More: offset 2001.]")


async def test_a_call_gives_100_000_characters_and_tells_how_to_go_on(tmp_path: Path):
    here = bench(tmp_path, {"big.txt": "0123456789\n" * 20_000, "next.txt": "more"})

    big, rest = await here.call("read_files", paths=["big.txt", "next.txt"])

    assert big["content"].startswith("0123456789\n")
    assert 100_000 < len(big["content"]) < 100_400
    assert "'offset': 9091" in big["content"]
    assert rest == {"path": "next.txt", "contentOmittedForLength": True}


async def test_marks_and_old_encodings_are_read(tmp_path: Path):
    here = bench(
        tmp_path,
        {
            "mark.txt": b"\xef\xbb\xbfhello",
            "wide.txt": "wïde".encode("utf-16"),
            "old.txt": b"caf\xe9",
        },
    )

    result = await here.call("read_files", paths=["mark.txt", "wide.txt", "old.txt"])

    assert [each["content"] for each in result] == ["hello", "wïde", "café"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("missing.txt", "There is no file"),
        ("../outside.txt", "[FILE_OUTSIDE_PROJECT]"),
        (".env", "[BLOCKED]"),
        ("build/out.txt", "'build/' in .gitignore"),
        ("src", "is not a regular file but a folder: use list_directory"),
        ("data.bin", "is a binary file (4 bytes)"),
        ("huge.txt", "has 11,000,000 bytes"),
        ("pipe", "but a pipe"),
        ("link-out", "a link leads out of it"),
        ("link-env", "environment files hold secrets"),
    ],
)
async def test_what_cannot_be_read_says_why(tmp_path: Path, path: str, words: str):
    (tmp_path / "outside.txt").write_text("outside")
    here = bench(
        tmp_path / "w",
        {".env": "KEY=canary", ".gitignore": "build/\n", "build/out.txt": "x", "src/a": ""}
        | {"data.bin": b"\0\1\2\3", "huge.txt": b"x" * 11_000_000},
    )
    os.mkfifo(here.root / "pipe")
    (here.root / "link-out").symlink_to(tmp_path / "outside.txt")
    (here.root / "link-env").symlink_to(".env")

    [result] = await here.call("read_files", paths=[path])

    # Codebuff's word alone, which handleSteps compares; the reason stands beside it.
    assert re.fullmatch(r"\[(FILE_[A-Z_]+|BLOCKED)\]", result["content"])
    assert words in result["content"] + result["message"]
    assert "canary" not in str(result)


async def test_an_example_of_an_environment_file_is_read_though_ignored(tmp_path: Path):
    here = bench(tmp_path, {".env.example": "KEY=\n", ".gitignore": ".env*\n"})

    [result] = await here.call("read_files", paths=[".env.example"])

    assert result["content"] == "[TEMPLATE]\nKEY=\n"


async def test_a_socket_is_refused(tmp_path: Path):
    here = bench(tmp_path)
    listener = socket.socket(socket.AF_UNIX)
    home = Path.cwd()
    os.chdir(tmp_path)  # the name of a socket has at most 107 bytes
    try:
        listener.bind("s")
    finally:
        os.chdir(home)

    [result] = await here.call("read_files", paths=["s"])

    listener.close()
    assert "but a socket" in result["message"]


async def test_a_folder_is_listed_with_links_as_what_they_lead_to(tmp_path: Path):
    here = bench(tmp_path / "w", {"a.txt": "", "src/b.py": ""})
    (here.root / "to-src").symlink_to("src")
    (here.root / "out").symlink_to("/")

    result = await here.call("list_directory", path=".")

    assert result == {"files": ["a.txt"], "directories": ["src", "to-src"], "path": "."}


async def test_a_folder_that_is_not_there_is_an_error_message(tmp_path: Path):
    here = bench(tmp_path, {"a.txt": ""})

    assert (
        "There is no folder 'nope'"
        in (await here.call("list_directory", path="nope"))["errorMessage"]
    )
    assert "is a file" in (await here.call("list_directory", path="a.txt"))["errorMessage"]
    assert "outside" in (await here.call("list_directory", path=".."))["errorMessage"]
