"""Files change as the model said, and nothing else in them does."""

import os
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from inhouse.core.events import EditChanged, EditState, EventPayload, Notice
from inhouse.core.hunks import apply_hunks, unified_diff
from inhouse.core.ports import Edit
from inhouse.core.settings import EditMode
from inhouse.core.unicode import clean_text
from inhouse.tools.access.safe_open import (
    ChangedMeanwhileError,
    Was,
    remove_file,
    write_bytes,
)
from inhouse.tools.edit.private_proposals import PrivateWorkspace, RunProposals
from inhouse.tools.files.encoding import decode, encode
from support.workspaces import bench

LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "x = 1\n", "\n"]), max_size=12)


async def replaced(here, path: str, old: str, new: str, **more):
    pair = {"oldString": old, "newString": new, **more}
    return await here.call("str_replace", path=path, replacements=[pair])


async def test_a_file_is_written_with_its_folders(tmp_path: Path):
    here = bench(tmp_path)

    result = await here.call("write_file", path="src/new/a.py", instructions="", content="x = 1\n")

    assert result == {"file": "src/new/a.py", "message": "Created src/new/a.py: Applied."}
    assert (tmp_path / "src/new/a.py").read_bytes() == b"x = 1\n"
    [event] = here.happenings
    assert isinstance(event, EditChanged)
    assert event.state is EditState.APPLIED
    assert event.diff == "--- /dev/null\n+++ b/src/new/a.py\n@@ -0,0 +1 @@\n+x = 1\n"


async def test_a_file_of_windows_lines_stays_one(tmp_path: Path):
    here = bench(tmp_path, {"a.txt": "one\r\ntwo\r\nthree"})

    await replaced(here, "a.txt", "one\ntwo", "1\n2\n2b")

    assert (tmp_path / "a.txt").read_bytes() == b"1\r\n2\r\n2b\r\nthree"


async def test_mixed_line_ends_and_the_mark_stay_where_nothing_changed(tmp_path: Path):
    here = bench(tmp_path, {"a.txt": b"\xef\xbb\xbfa\r\nb\nc\r\nd\f\re"})

    await replaced(here, "a.txt", "b", "B")

    assert (tmp_path / "a.txt").read_bytes() == b"\xef\xbb\xbfa\r\nB\nc\r\nd\f\re"


async def test_a_text_of_an_old_encoding_keeps_it(tmp_path: Path):
    here = bench(tmp_path, {"a.txt": b"caf\xe9 one\n"})

    await replaced(here, "a.txt", "one", "thé")

    assert (tmp_path / "a.txt").read_bytes() == b"caf\xe9 th\xe9\n"


async def test_a_file_keeps_its_permissions(tmp_path: Path):
    here = bench(tmp_path, {"run.sh": "echo 1\n"})
    (tmp_path / "run.sh").chmod(0o755)

    await replaced(here, "run.sh", "1", "2")

    assert (tmp_path / "run.sh").stat().st_mode & 0o777 == 0o755


async def test_more_than_one_match_is_an_error_that_names_the_lines(tmp_path: Path):
    here = bench(tmp_path, {"a.py": "x = 1\ny = 2\nx = 1\n"})

    result = await replaced(here, "a.py", "x = 1", "x = 3")

    assert "found 2 times, at lines 1, 3" in result["errorMessage"]
    assert (tmp_path / "a.py").read_text() == "x = 1\ny = 2\nx = 1\n"

    await replaced(here, "a.py", "x = 1", "x = 3", allowMultiple=True)

    assert (tmp_path / "a.py").read_text() == "x = 3\ny = 2\nx = 3\n"


async def test_another_indentation_is_found_and_kept(tmp_path: Path):
    here = bench(tmp_path, {"a.py": "class A:\n    def f(self):\n        return 1\n"})

    await replaced(here, "a.py", "def f(self):\n    return 1\n", "def f(self):\n    return 2\n")

    assert (tmp_path / "a.py").read_text() == "class A:\n    def f(self):\n        return 2\n"


async def test_white_space_is_ignored_last(tmp_path: Path):
    here = bench(tmp_path, {"a.js": "if(a  &&b) {\n\tcall( x,y );\n}\n"})

    result = await replaced(here, "a.js", "call(x, y);", "call(y);")

    assert "ignoring white space" in result["message"]
    assert (tmp_path / "a.js").read_text() == "if(a  &&b) {\n\tcall( y );\n}\n"


async def test_words_do_not_run_together_when_white_space_is_ignored(tmp_path: Path):
    here = bench(tmp_path, {"a.txt": "notable\n"})

    result = await replaced(here, "a.txt", "not  able", "x")

    assert "was not found" in result["errorMessage"]


@pytest.mark.parametrize("blank", [" ", "\n", "    ", "\t\n", "\r\n"])
async def test_white_space_alone_never_matches(tmp_path: Path, blank: str):
    content = "a\n    b\n\n\tc\r\n"
    here = bench(tmp_path, {"a.txt": content.encode()})

    result = await replaced(here, "a.txt", blank, "X", allowMultiple=True)

    assert "white space alone" in result["errorMessage"]
    assert (tmp_path / "a.txt").read_bytes() == content.encode()


async def test_what_was_not_replaced_is_told_beside_what_was(tmp_path: Path):
    here = bench(tmp_path, {"a.txt": "one\ntwo\n"})

    result = await here.call(
        "str_replace",
        path="a.txt",
        replacements=[
            {"oldString": "one", "newString": "1"},
            {"oldString": "three", "newString": "3"},
        ],
    )

    assert "Not everything was replaced" in result["message"]
    assert "'three'" in result["message"]
    assert (tmp_path / "a.txt").read_text() == "1\ntwo\n"


async def test_a_proposal_changes_nothing_and_the_next_one_builds_on_it(tmp_path: Path):
    here = bench(tmp_path, {"a.txt": "one\ntwo\n"})
    pairs = [[{"oldString": "one", "newString": "1"}], [{"oldString": "1\n", "newString": "I\n"}]]

    first = await here.call("propose_str_replace", path="a.txt", replacements=pairs[0])
    second = await here.call("propose_str_replace", path="a.txt", replacements=pairs[1])

    assert "-one\n+1\n" in first["unifiedDiff"]
    assert "-1\n+I\n" in second["unifiedDiff"]
    assert (tmp_path / "a.txt").read_text() == "one\ntwo\n"
    [proposal] = here.workspace.proposals
    assert (proposal.edit.old, proposal.edit.new) == ("one\ntwo\n", "I\ntwo\n")


async def test_a_terminal_shows_the_diff_and_asks(tmp_path: Path):
    here = bench(tmp_path, {"a.txt": "one\n"}, edits=EditMode.REVIEW, answers=(("Reject",),))

    result = await replaced(here, "a.txt", "one", "1")

    assert "The user rejected this change" in result["errorMessage"]
    assert (tmp_path / "a.txt").read_text() == "one\n"
    [question] = here.approver.questions
    assert question.kind == "edit"
    assert "-one\n+1\n" in question.detail


async def test_apply_all_asks_once(tmp_path: Path):
    answers = (("Apply all in this run",),)
    here = bench(tmp_path, {"a.txt": "one\n"}, edits=EditMode.REVIEW, answers=answers)

    await replaced(here, "a.txt", "one", "two")
    await replaced(here, "a.txt", "two", "three")

    assert (tmp_path / "a.txt").read_text() == "three\n"
    assert len(here.approver.questions) == 1


async def test_nobody_there_to_answer_means_no_change(tmp_path: Path):
    here = bench(tmp_path, {"a.txt": "one\n"}, edits=EditMode.REVIEW)

    result = await replaced(here, "a.txt", "one", "two")

    assert "nobody answered" in result["errorMessage"]
    assert (tmp_path / "a.txt").read_text() == "one\n"


async def test_a_link_is_written_through_only_inside_the_workspace(tmp_path: Path):
    (tmp_path / "outside.txt").write_text("outside")
    here = bench(tmp_path / "w", {"real.txt": "one"})
    (here.root / "inside").symlink_to("real.txt")
    (here.root / "out").symlink_to(tmp_path / "outside.txt")
    (here.root / "new-out").symlink_to(tmp_path / "not-there-yet.txt")

    await here.call("read_files", paths=["inside"])
    await here.call("write_file", path="inside", instructions="", content="two")
    refused = [
        await here.call("write_file", path=path, instructions="", content="bad")
        for path in ("out", "new-out")
    ]

    assert (here.root / "real.txt").read_text() == "two"
    assert (here.root / "inside").is_symlink()
    assert (tmp_path / "outside.txt").read_text() == "outside"
    assert not (tmp_path / "not-there-yet.txt").exists()
    assert all("outside of the workspace" in each["errorMessage"] for each in refused)


async def test_a_file_with_two_names_stays_one(tmp_path: Path):
    here = bench(tmp_path, {"a.txt": "one\n"})
    (tmp_path / "b.txt").hardlink_to(tmp_path / "a.txt")

    await replaced(here, "a.txt", "one", "a longer text")
    await replaced(here, "b.txt", "longer text", "b")

    assert (tmp_path / "a.txt").read_text() == (tmp_path / "b.txt").read_text() == "a b\n"
    assert (tmp_path / "a.txt").samefile(tmp_path / "b.txt")


@pytest.mark.skipif(sys.platform != "linux", reason="attributes as Linux has them")
async def test_a_file_keeps_its_attributes(tmp_path: Path):
    path = tmp_path / "a.txt"
    path.write_text("one\n")
    try:
        os.setxattr(path, "user.origin", b"somewhere")
    except OSError:
        pytest.skip("NOT PROVED HERE: this file system keeps no attributes")

    await replaced(bench(tmp_path), "a.txt", "one", "two")

    assert path.read_text() == "two\n"
    assert os.getxattr(path, "user.origin") == b"somewhere"


_ODD_FILES = """
import errno, os, sys
from pathlib import Path
from inhouse.tools.access.safe_open import write_bytes

root = Path(sys.argv[1])
mounted, full = root / "mounted.txt", root / "full"
write_bytes(root, "mounted.txt", b"new")
assert mounted.read_bytes() == b"new" == (root / "mounted").read_bytes()
(full / "a.txt").write_bytes(b"old" * 1000)
os.link(full / "a.txt", full / "b.txt")
(full / "c.txt").write_bytes(b"old" * 1000)
try:
    with (full / "fill").open("wb", buffering=0) as fill:
        while fill.write(bytes(4096)):
            pass
except OSError:
    pass
for name in ("a.txt", "c.txt"):
    try:
        write_bytes(full, name, b"new" * 100_000)
    except OSError as error:
        assert error.errno == errno.ENOSPC, error
    else:
        raise AssertionError(f"{name}: there is no room")
    assert (full / name).read_bytes() == b"old" * 1000, name
assert sorted(each.name for each in full.iterdir()) == ["a.txt", "b.txt", "c.txt", "fill"]
print("held")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="mounts as Linux has them")
def test_a_mounted_file_is_written_and_a_full_disk_costs_no_text(tmp_path: Path):
    for name in ("mounted", "mounted.txt"):
        (tmp_path / name).write_text("old")
    (tmp_path / "full").mkdir()
    (tmp_path / "odd.py").write_text(_ODD_FILES)
    mounts = (
        "mount --bind mounted mounted.txt && mount -t tmpfs -o size=64k none full "
        '|| { echo "no mounts here"; exit; }; exec "$0" odd.py .'
    )
    own = ["unshare", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]), "--mount"]
    done = subprocess.run(
        [*own, "sh", "-c", mounts, sys.executable],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    if "no mounts here" in done.stdout or "unshare" in done.stderr:
        pytest.skip("NOT PROVED HERE: this system makes no mount namespace")
    assert done.stdout == "held\n", done.stderr


_NO_RESERVING = """
import os, resource, sys
from pathlib import Path
from inhouse.tools.access.safe_open import write_bytes

os.__dict__.pop("posix_fallocate", None)  # as on macOS
root = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    write_bytes(root, "a.txt", b"new" * 4_000)
except OSError as error:
    print(error.strerror)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits as POSIX has them")
def test_what_no_space_was_reserved_for_leaves_the_old_text(tmp_path: Path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"old" * 1_000)
    os.link(path, tmp_path / "b.txt")

    done = subprocess.run(
        [sys.executable, "-c", _NO_RESERVING, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == "File too large\n", done.stderr
    assert path.read_bytes() == b"old" * 1_000
    write_bytes(tmp_path, "a.txt", b"shorter")
    assert (tmp_path / "b.txt").read_bytes() == b"shorter"


@pytest.mark.parametrize("links", [1, 2])
def test_what_is_saved_between_a_look_and_a_write_is_never_overwritten(tmp_path: Path, links: int):
    path = tmp_path / "a.txt"
    path.write_text("saved")
    for number in range(1, links):
        os.link(path, tmp_path / f"{number}.txt")

    for was in (b"read", None):
        with pytest.raises(ChangedMeanwhileError):
            write_bytes(tmp_path, "a.txt", b"ours", was=Was(was))
    with pytest.raises(ChangedMeanwhileError):
        remove_file(tmp_path, "a.txt", was=Was(b"read"))
    assert path.read_text() == "saved"
    assert len(list(tmp_path.iterdir())) == links
    write_bytes(tmp_path, "a.txt", b"ours", was=Was(b"saved"))
    write_bytes(tmp_path, "new.txt", b"ours", was=Was(None))
    assert path.read_text() == (tmp_path / "new.txt").read_text() == "ours"


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root gives away")
async def test_a_file_keeps_its_owner(tmp_path: Path):
    here = bench(tmp_path, {"a.txt": "one\n"})
    os.chown(tmp_path / "a.txt", 1234, 4321)

    await replaced(here, "a.txt", "one", "two")

    status = (tmp_path / "a.txt").stat()
    assert (status.st_uid, status.st_gid) == (1234, 4321)


async def test_a_read_only_file_is_refused(tmp_path: Path):
    here = bench(tmp_path, {"a.txt": "one\n"})
    (tmp_path / "a.txt").chmod(0o444)

    results = [
        await replaced(here, "a.txt", "one", "two"),
        await here.call("apply_patch", operation=operation("delete_file", "a.txt")),
    ]

    assert all("is read-only" in result["errorMessage"] for result in results)
    assert (tmp_path / "a.txt").read_text() == "one\n"


CHINESE = "// 这是一个初始化的函数,返回值为整数\nint x = 1;\n"
JAPANESE = "// これは初期化のための関数です\nint x = 1;\n"


@pytest.mark.parametrize(
    "content",
    [
        CHINESE.encode("gbk"),
        JAPANESE.encode("cp932"),
        JAPANESE.encode("euc_jp"),
        "naïve caf\u00e9 \u2013 f\u00fcr Größe\nint x = 1;\n".encode("cp1252"),
        "für größe können müssen übel\nint x = 1;\n".encode("latin-1"),
        "grüße \u2013 ünïcödé\n".encode() + b"stray \xff byte\nint x = 1;\n",
    ],
)
async def test_a_file_keeps_its_encoding(tmp_path: Path, content: bytes):
    here = bench(tmp_path, {"a.c": content})

    [read] = await here.call("read_files", paths=["a.c"])
    shown = clean_text(read["content"]).replace("int x = 1", "int x = 2")
    await here.call("write_file", path="a.c", instructions="", content=shown)

    assert (tmp_path / "a.c").read_bytes() == content.replace(b"= 1", b"= 2")
    await replaced(here, "a.c", "int x = 2;", "int x = 3;")
    assert (tmp_path / "a.c").read_bytes() == content.replace(b"= 1", b"= 3")


@pytest.mark.parametrize(
    ("text", "codec"), [(CHINESE, "gbk"), (JAPANESE, "cp932"), (JAPANESE, "euc_jp")]
)
async def test_an_old_encoding_is_shown_as_what_it_says(tmp_path: Path, text: str, codec: str):
    here = bench(tmp_path, {"a.c": text.encode(codec)})

    [read] = await here.call("read_files", paths=["a.c"])

    assert read["content"] == text


async def test_a_plan_is_a_file(tmp_path: Path):
    here = bench(tmp_path)

    await here.call("create_plan", path="login-plan.md", plan="# Plan\n")

    assert (tmp_path / "login-plan.md").read_text() == "# Plan\n"


def operation(kind: str, path: str, diff: str = "") -> dict:
    return {"type": kind, "path": path} | ({"diff": diff} if diff else {})


async def test_a_patch_creates_changes_and_deletes(tmp_path: Path):
    here = bench(tmp_path, {"a.py": "def f():\n    return 1\n\ndef g():\n    return 1\n"})
    change = "@@ def g():\n-    return 1\n+    return 2\n"

    created = await here.call("apply_patch", operation=operation("create_file", "n.txt", "+x\n+"))
    updated = await here.call("apply_patch", operation=operation("update_file", "a.py", change))

    assert created["applied"] == [{"file": "n.txt", "action": "add"}]
    assert (tmp_path / "n.txt").read_text() == "x\n"
    assert updated["applied"] == [{"file": "a.py", "action": "update"}]
    assert (tmp_path / "a.py").read_text() == "def f():\n    return 1\n\ndef g():\n    return 2\n"

    deleted = await here.call("apply_patch", operation=operation("delete_file", "a.py"))

    assert deleted["applied"] == [{"file": "a.py", "action": "delete"}]
    assert not (tmp_path / "a.py").exists()


@pytest.mark.parametrize(
    ("kind", "path", "diff", "words"),
    [
        ("update_file", "nope.txt", "-a\n+b", "There is no file 'nope.txt'"),
        ("delete_file", "nope.txt", "", "There is no file"),
        ("create_file", "a.txt", "+b", "is there already"),
        ("update_file", "a.txt", "-zzz\n+b", "are not in the file"),
        ("update_file", "a.txt", " one", "changes nothing"),
        ("update_file", "a.txt", "garbage", "starts with '+', '-' or a space"),
        ("create_file", "b.txt", "plain", "every line starts with '+'"),
        ("update_file", "../a.txt", "-a\n+b", "outside of the workspace"),
    ],
)
async def test_a_patch_that_cannot_be_applied_says_why(
    tmp_path: Path, kind: str, path: str, diff: str, words: str
):
    here = bench(tmp_path, {"a.txt": "one\n"})

    result = await here.call("apply_patch", operation=operation(kind, path, diff))

    assert words in result["errorMessage"]
    assert (tmp_path / "a.txt").read_text() == "one\n"


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("text", "old"),
    [
        ("a\n" * 1_000_000, "a\n" * 1_000 + "b"),
        ("x = 1  \n" * 300_000, "x  =  1\n" * 200 + "y"),
        ("a b" * 1_000_000, "a  b " * 2_000 + "c"),
    ],
)
async def test_a_text_that_is_nearly_everywhere_is_not_sought_for_ever(
    tmp_path: Path, text: str, old: str
):
    here = bench(tmp_path, {"a.txt": text})

    result = await replaced(here, "a.txt", old, "z")

    assert "not found" in result["errorMessage"]
    assert (tmp_path / "a.txt").read_text() == text


async def test_what_a_run_has_proposed_is_applied_where_the_user_wants_it_on_the_disk(
    tmp_path: Path,
):
    here = bench(tmp_path, {"a.txt": "one\n", "b.txt": "one\n"}, edits=EditMode.REVIEW)
    private = PrivateWorkspace(here.workspace, RunProposals())
    await private.propose(Edit(tmp_path / "a.txt", "one\n", "two\n"))
    await private.propose(Edit(tmp_path / "b.txt", "one\n", "two\n"))
    (tmp_path / "b.txt").write_text("other\n")

    failed = await private.save()

    assert (tmp_path / "a.txt").read_text() == "two\n"
    assert (tmp_path / "b.txt").read_text() == "other\n"
    assert list(failed) == [tmp_path / "b.txt"]


async def test_a_proposal_whose_file_cannot_be_read_any_more_does_not_hide_the_others(
    tmp_path: Path,
):
    names = ("a.txt", "b.txt", "c.txt")
    here = bench(tmp_path, dict.fromkeys(names, "one\n"))
    private = PrivateWorkspace(here.workspace, RunProposals())
    for name in names:
        await private.propose(Edit(tmp_path / name, "one\n", "two\n"))
    (tmp_path / "a.txt").unlink()
    (tmp_path / "a.txt").mkdir()
    (tmp_path / "b.txt").write_bytes(b"\0\1")
    told: list[EventPayload] = []
    offered: list[str] = []

    private = evolve(private, on_change=lambda edit, _: offered.append(edit.path.name))
    await private.offer(told.append)

    assert offered == ["c.txt"]
    messages = [each.message for each in told if isinstance(each, Notice)]
    assert len(messages) == 2
    assert "change of a.txt is not shown: 'a.txt' is not a regular file but a" in messages[0]
    assert "change of b.txt is not shown: " in messages[1]


@pytest.mark.parametrize("way", ["apply", "propose"])
async def test_what_is_written_between_a_proposers_look_and_its_change_is_kept(
    tmp_path: Path, way: str
):
    here = bench(tmp_path, {"a.txt": "one\ntwo\nthree\nfour\nfive\n"})
    path = tmp_path / "a.txt"
    private = PrivateWorkspace(here.workspace, RunProposals())
    seen = (await private.read(path)).text
    await private.propose(Edit(path, seen, seen.replace("one", "ONE")))
    seen = (await private.read(path)).text
    path.write_text(path.read_text().replace("five", "the user's"))

    outcome = await getattr(private, way)(Edit(path, seen, seen.replace("three", "THREE")))

    both = "ONE\ntwo\nTHREE\nfour\nthe user's\n"
    assert (await private.read(path)).text == both == outcome.merged
    path.write_text(path.read_text().replace("four", "the user's 4"))
    clash = await getattr(private, way)(Edit(path, both, both.replace("four", "FOUR")))
    assert clash.state is EditState.REJECTED
    assert "the user's 4" in (await private.read(path)).text


@pytest.mark.parametrize("tool", ["str_replace", "propose_str_replace"])
async def test_an_edit_is_compared_once_and_everybody_reads_its_hunks(tmp_path: Path, tool: str):
    here = bench(tmp_path, {"a.txt": "one\ntwo\nthree\n"})
    entered = Counter()

    def count(frame, event, _):
        if event == "call":
            entered[frame.f_code.co_qualname] += 1

    threading.setprofile(count)
    sys.setprofile(count)
    try:
        pair = {"oldString": "two", "newString": "TWO"}
        await here.call(tool, path="a.txt", replacements=[pair])
    finally:
        sys.setprofile(None)
        threading.setprofile(None)

    assert entered["changed_lines"] == 1
    assert entered["Edit.diff"] > 0


@given(LINES, LINES, LINES)
def test_an_edit_and_what_it_is_in_another_text_are_their_hunks(old, new, now):
    old, new, now = "".join(old), "".join(new), "".join(now)
    edit = Edit(Path("/w/a"), old, new)
    moved = edit.onto(now)

    assert apply_hunks(old, edit.hunks) == new
    assert edit.diff("a") == unified_diff("a", old, new)
    assert moved is None or apply_hunks(now, moved.hunks) == moved.new
    with pytest.raises(ValueError, match="do not lead"):
        Edit(Path("/w/a"), old, new + "more", hunks=edit.hunks)


def test_a_byte_order_mark_stays_one():
    text, how = decode(b"\xef\xbb\xbfone\n", name="a")

    assert text == "one\n"
    assert encode("\ufefftwo\n", how, name="a") == b"\xef\xbb\xbftwo\n"
