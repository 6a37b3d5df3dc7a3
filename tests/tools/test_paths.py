"""Paths stay inside the workspace, on every system: first by their text, then on a real disk."""

import contextlib
import os
import shutil
import sys
import threading
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest

from inhouse.core.errors import ToolError
from inhouse.core.protected_files import rule
from inhouse.tools.access.access_policy import access_to
from inhouse.tools.access.ignore_rules import IgnoreRules
from inhouse.tools.access.paths import contains, within
from inhouse.tools.access.safe_open import list_folder, read_bytes, remove_file, write_bytes
from support.workspaces import write_files

POSIX = (PurePosixPath("/w/project"),)
WINDOWS = (PureWindowsPath("C:\\w\\Project"),)


@pytest.mark.parametrize(
    ("raw", "parts"),
    [
        ("a/b.txt", ("a", "b.txt")),
        ("./a//b/", ("a", "b")),
        ("a/../b", ("b",)),
        (".", ()),
        ("/w/project/a", ("a",)),
        ("/w/project", ()),
        (" a b ", ("a b",)),
        ("100%.txt", ("100%.txt",)),
        ("a%20b.txt", ("a%20b.txt",)),
        ("C:notes.txt", ("C:notes.txt",)),
        ("a\\b", ("a\\b",)),
        ("...", ("...",)),
        ("aux.txt", ("aux.txt",)),
    ],
)
def test_posix_paths_inside_are_taken(raw: str, parts: tuple[str, ...]):
    assert within(raw, POSIX, windows=False)[1] == parts


@pytest.mark.parametrize(
    "raw",
    [
        *("", " ", "..", "../x", "a/../../x", "/etc/passwd", "/w/project2", "/w/project/../x"),
        *("~", "~/x", "~root/x", "a\0b", "a\nb", "a\x7f", "//server/share", "\\\\server\\share"),
        *("\\\\?\\C:\\x", "C:\\Windows", "c:/Windows", "..\\..\\x", "a\\..\\..\\x"),
        *("file:///etc/passwd", "http://x.test/", "%2e%2e/x", "..%2fx", "%2e%2e%2fx", "a%00b"),
        *("%252e%252e%252fx", "a%2fb", "a%5c..%5cb", "x" * 5_000, "\ud800"),
    ],
)
def test_posix_paths_that_lead_elsewhere_are_refused(raw: str):
    with pytest.raises(ToolError):
        within(raw, POSIX, windows=False)


@pytest.mark.parametrize(
    ("raw", "parts"),
    [
        ("a\\b.txt", ("a", "b.txt")),
        ("a/b.txt", ("a", "b.txt")),
        ("C:\\w\\Project\\a", ("a",)),
        ("c:\\W\\PROJECT\\a", ("a",)),
        ("C:/w/project/a", ("a",)),
        ("console.txt", ("console.txt",)),
        ("com10", ("com10",)),
        (".config", (".config",)),
    ],
)
def test_windows_paths_inside_are_taken(raw: str, parts: tuple[str, ...]):
    assert within(raw, WINDOWS, windows=True)[1] == parts


@pytest.mark.parametrize(
    "raw",
    [
        *("..\\x", "../x", "a\\..\\..\\x", "C:\\Windows", "D:\\x", "C:x", "\\x", "/x"),
        *("\\\\server\\share\\x", "//server/share", "\\\\?\\C:\\w\\Project\\a", "\\\\.\\pipe\\x"),
        *("C:\\w\\Project2\\a", "C:\\w\\Project\\..\\x", "a.txt:stream", "a.txt::$DATA"),
        *("CON", "con.txt", "nul", "a\\NUL.tar.gz", "COM1", "lpt9.log", "COM¹", "conin$"),
        *("a.", "a ", "a\\b. \\c", ".env.", ".env ", "a<b", 'a"b', "a|b", "a?b", "a*b"),
        *("~\\x", "a\0b", "%2e%2e\\x", "file:///C:/x"),
    ],
)
def test_windows_paths_that_lead_elsewhere_are_refused(raw: str):
    with pytest.raises(ToolError):
        within(raw, WINDOWS, windows=True)


def test_a_file_system_without_case_contains_either_spelling():
    root, path = PurePosixPath("/Users/me/App"), PurePosixPath("/users/ME/app/x")

    assert contains(root, path, ignore_case=True)
    assert not contains(root, path, ignore_case=False)
    assert not contains(root, PurePosixPath("/Users/me/App2"), ignore_case=True)


@pytest.mark.parametrize(
    "path",
    [
        *(".env", ".ENV", ".Env.local", ".env.production", "deep/.env", ".envrc", ".env/x"),
        *(".e\u200dnv", ".env\ufeff", "\uff0eenv", ".env ", ".env.", ".git/config", ".GIT/hooks/x"),
        *("GIT~1/config", ".g\u200cit/x", "sub/.git/x", "id_rsa", "keys/id_ed25519", "a.pem"),
        *("A.PEM", "server.key", ".npmrc", ".netrc", ".git-credentials", ".ssh/config"),
        *(".aws/credentials", "x.p12", "store.jks", ".pypirc", "service-account-1.json"),
    ],
)
def test_protected_names_are_known_in_every_spelling(path: str):
    assert rule(path) is not None


@pytest.mark.parametrize(
    "path",
    [
        *(".env.example", "a/.env.sample", ".env.template", "env.py", "environment.ts", "src/a.py"),
        *("id_rsa.pub", "keyboard.ts", "monkey.py", ".gitignore", ".github/workflows/ci.yml"),
        *("gitlab/x", "pem.md", "awsome/x", ".agents/a.ts", "turkey", ".gitattributes"),
    ],
)
def test_other_names_are_not_protected(path: str):
    assert rule(path) is None


def test_ignore_files_of_every_level_count(tmp_path: Path):
    write_files(
        tmp_path,
        {
            ".git/info/exclude": "local.txt\n",
            ".gitignore": "*.log\n!keep.log\n/build/\nnode_modules/\n",
            "sub/.gitignore": "!special.log\nown.txt\n",
            ".codebuffignore": "private/\n",
            "sub/.manicodeignore": "mine.md\n",
        },
    )
    rules = IgnoreRules(tmp_path)

    def ignored(path: str) -> bool:
        return rules.rule(path, is_folder=False) is not None

    refused = ["a.log", "sub/a.log", "build/x", "sub/node_modules/x", "sub/own.txt", "local.txt"]
    allowed = ["keep.log", "sub/special.log", "sub/build/x", "own.txt", "mine.md", "x.txt"]
    assert all(map(ignored, [*refused, "private/x/y", "sub/mine.md"]))
    assert not any(map(ignored, allowed))
    assert rules.rule("a.log", is_folder=False) == "'*.log' in .gitignore"


def test_a_file_system_without_case_ignores_without_case(tmp_path: Path):
    write_files(tmp_path, {".gitignore": "Build/\n*.LOG\n"})

    folding, exact = IgnoreRules(tmp_path, fold=True), IgnoreRules(tmp_path)

    for path in ("build/x", "BUILD/x", "a.log", "A.Log"):
        assert folding.rule(path, is_folder=False) is not None
    assert exact.rule("build/x", is_folder=False) is None
    assert exact.rule("Build/x", is_folder=False) is not None


def test_a_file_below_an_ignored_folder_cannot_be_taken_back(tmp_path: Path):
    write_files(tmp_path, {".gitignore": "build/\n", "build/.gitignore": "!x\n"})

    assert IgnoreRules(tmp_path).rule("build/x", is_folder=False) is not None


def test_a_workspace_inside_a_repository_obeys_the_files_above(tmp_path: Path):
    write_files(tmp_path, {".git/HEAD": "", ".gitignore": "*.log\n/app/out/\n", "app/x": ""})

    rules = IgnoreRules(tmp_path / "app")

    assert rules.rule("a.log", is_folder=False) is not None
    assert rules.rule("out/x", is_folder=False) is not None
    assert rules.rule("x", is_folder=False) is None


def test_a_changed_ignore_file_counts_at_once(tmp_path: Path):
    write_files(tmp_path, {"a.txt": "x"})
    access = access_to([tmp_path])
    access.place("a.txt")

    (tmp_path / ".gitignore").write_text("a.txt\n")

    with pytest.raises(ToolError, match=r"'a.txt' in .gitignore"):
        access.place("a.txt")


def test_an_ignore_file_that_is_a_link_tells_nothing_of_its_target(tmp_path: Path):
    (tmp_path / "secret").write_text("a.txt\n")
    write_files(tmp_path / "w", {"a.txt": "x"})
    (tmp_path / "w/.gitignore").symlink_to(tmp_path / "secret")

    assert access_to([tmp_path / "w"]).place("a.txt").shown == "a.txt"


def test_senseless_lines_of_an_ignore_file_lose_only_themselves(tmp_path: Path):
    write_files(tmp_path, {".gitignore": b"!\n\xff\xfe\n[\nbad[\n*.log\n//\n"})

    rules = IgnoreRules(tmp_path)

    assert rules.rule("a.log", is_folder=False) is not None
    assert rules.rule("a.txt", is_folder=False) is None


HOSTILE_LINES = ("*a*a*a*a*a*a*b", "a*b*c*d*e.txt", "**/a/**/a/**/a/**/a/**/a/**/b", "!*a*a*a*a*c")


def test_no_line_of_an_ignore_file_tries_for_ever(tmp_path: Path):
    """It may ignore somewhat more than Git would, and never less."""
    write_files(tmp_path, {".gitignore": "\n".join((*HOSTILE_LINES, "x.log", "keep*.*.*/*.y"))})
    rules = IgnoreRules(tmp_path)

    assert rules.rule("a" * 200 + "c", is_folder=False) is None
    assert rules.rule("/".join("a" * 60), is_folder=False) is None
    for ignored in ("aaaaaab", "a1b2c3d4e.txt", "a/a/a/a/a/b", "x.log", "keep1.2.3/x.y"):
        assert rules.rule(ignored, is_folder=False) is not None, ignored
    assert rules.rule("other.txt", is_folder=False) is None


def test_several_roots_are_named_by_their_folder(tmp_path: Path):
    write_files(tmp_path, {"one/a.txt": "", "two/b.txt": ""})
    access = access_to([tmp_path / "one", tmp_path / "two"])

    assert access.place("a.txt").shown == "a.txt"
    assert access.place("two/b.txt").path == tmp_path / "two/b.txt"
    assert access.place("two/b.txt").shown == "two/b.txt"
    assert access.place(str(tmp_path / "two/b.txt")).shown == "two/b.txt"


def test_a_root_behind_a_link_is_the_same_root(tmp_path: Path):
    write_files(tmp_path, {"real/a.txt": ""})
    (tmp_path / "link").symlink_to("real")
    access = access_to([tmp_path / "link"])

    assert access.place("a.txt").path == tmp_path / "real/a.txt"
    assert access.place(str(tmp_path / "real/a.txt")).shown == "a.txt"
    assert access.place(str(tmp_path / "link/a.txt")).shown == "a.txt"


def test_a_loop_of_links_is_refused_or_missing(tmp_path: Path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    place = access_to([tmp_path]).place("a/x")

    with pytest.raises((ToolError, OSError)):
        read_bytes(place.root, place.relative)


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


posix_only = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes of POSIX")


@posix_only
@pytest.mark.parametrize("where", ["folder", "file"])
def test_a_link_put_there_after_the_check_is_found(tmp_path: Path, where: str):
    write_files(tmp_path, {"w/d/a.txt": "inside", "outside/a.txt": "canary"})
    place = access_to([tmp_path / "w"]).place("d/a.txt")
    (tmp_path / "w/d/a.txt").unlink()
    if where == "folder":
        (tmp_path / "w/d").rmdir()
        (tmp_path / "w/d").symlink_to(tmp_path / "outside")
    else:
        (tmp_path / "w/d/a.txt").symlink_to(tmp_path / "outside/a.txt")

    for attempt in (
        lambda: read_bytes(place.root, place.relative),
        lambda: write_bytes(place.root, place.relative, b"bad"),
        lambda: remove_file(place.root, place.relative),
    ):
        with pytest.raises(ToolError, match="exchanged for a link"):
            attempt()
    if where == "folder":
        with pytest.raises(ToolError, match="exchanged for a link"):
            list_folder(place.root, "d")

    assert (tmp_path / "outside/a.txt").read_text() == "canary"
    assert names(tmp_path / "outside") == ["a.txt"]


@posix_only
def test_a_link_that_is_swapped_all_the_time_never_leads_out(tmp_path: Path):
    write_files(tmp_path, {"w/a/x.txt": "inside", "w/real/x.txt": "inside", "out/x.txt": "canary"})
    access = access_to([tmp_path / "w"])
    stop = threading.Event()

    def swap() -> None:
        link, spare = tmp_path / "w/a", tmp_path / "w/spare"
        spare.symlink_to(tmp_path / "out")
        hold = tmp_path / "w/hold"
        steps = ((link, hold), (spare, link), (link, spare), (hold, link))
        while not stop.is_set():
            for source, target in steps:
                with contextlib.suppress(OSError):  # a write may make the folder anew
                    source.rename(target)
            if hold.exists():
                shutil.rmtree(link, ignore_errors=True)

    thread = threading.Thread(target=swap)
    thread.start()
    seen = set()
    try:
        for number in range(1_500):
            try:
                place = access.place("a/x.txt")
                seen.add(read_bytes(place.root, place.relative))
                if number % 3 == 0:
                    write_bytes(place.root, place.relative, b"inside")
            except (ToolError, OSError):
                continue
    finally:
        stop.set()
        thread.join()

    assert seen <= {b"inside"}
    assert (tmp_path / "out/x.txt").read_text() == "canary"
    assert names(tmp_path / "out") == ["x.txt"]


@posix_only
def test_pipes_devices_and_folders_are_neither_read_nor_replaced(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()

    for name in ("pipe", "folder"):
        for attempt in (
            lambda name=name: read_bytes(tmp_path, name),
            lambda name=name: write_bytes(tmp_path, name, b"x"),
            lambda name=name: remove_file(tmp_path, name),
        ):
            with pytest.raises(ToolError, match="not a regular file"):
                attempt()
    with pytest.raises(ToolError, match="a device"):
        read_bytes(Path("/dev"), "null")


def test_nothing_is_left_of_a_write_that_fails(tmp_path: Path):
    (tmp_path / "folder").mkdir()

    with pytest.raises(ToolError):
        write_bytes(tmp_path, "folder", b"x")

    assert names(tmp_path) == ["folder"]
