"""Conversations at the terminal: they go on from call to call, and in ``inhouse chat``."""

import contextlib
import os
import subprocess
import sys
import threading

import pytest

from support.model_server import Pause, call
from support.screen import Screen


def texts(server, index=-1):
    return [m.get("content") for m in server.chats[index].body["messages"]]


@pytest.mark.timeout(180)
def test_a_session_goes_on_from_call_to_call_and_is_listed_shown_forked_and_deleted(local, server):
    local.agent("helper")
    local("trust")
    server.default = ["an answer"]
    assert local("run", "helper", "first", "question").status == 0
    assert local("run", "-c", "second", "question").status == 0

    assert texts(server).index("first question") < texts(server).index("second question")
    (listed,) = local("sessions", "--json").json
    session = listed["id"]
    assert (listed["title"], listed["turns"], listed["status"]) == (
        *("first question", 2),
        "completed",
    )
    shown = local("sessions", "show").out
    assert "## 2 · You\n\nsecond question\n\n## 2 · helper\n\nan answer\n\n" in shown
    exported = local("sessions", "export", session[:4], "--json").json
    assert [turn["prompt"] for turn in exported["turnList"]] == [
        "first question",
        "second question",
    ]

    assert local("run", "--session", session, "--fork", "2", "other question").status == 0
    assert "second question" not in texts(server)
    assert len(local("sessions", "--json").json) == 2

    small = local("sessions", "compact", session)
    assert (small.status, "nothing to compact" in small.out + small.err) == (0, True)
    assert local("sessions", "delete", session).status == 0
    unknown = local("run", "--session", session, "x")
    assert unknown.status == 2
    assert f"No session '{session}'" in unknown.err


def test_a_turn_is_undone_on_disk_from_another_call(local, server):
    local.agent("helper", more="toolNames: ['write_file', 'str_replace'],")
    local("trust")
    (local.workspace / "a.txt").write_text("1\n2\n3\n")
    server.play(
        call("str_replace", path="a.txt", replacements=[{"old": "2", "new": "two"}]),
        call("write_file", path="b.txt", content="b\n", instructions="x"),
    )
    server.default = ["done"]
    assert local("run", "helper", "change it", "--yes-edits").status == 0
    assert (local.workspace / "a.txt").read_text() == "1\ntwo\n3\n"

    undone = local("sessions", "undo")

    assert undone.status == 0, undone.err
    assert (local.workspace / "a.txt").read_text() == "1\n2\n3\n"
    assert not (local.workspace / "b.txt").exists()
    assert f"Deleted {local.workspace / 'b.txt'}" in undone.err
    again = local("sessions", "undo")
    assert (again.status, "No turn" in again.err) == (2, True)


def test_an_undo_of_what_was_reverted_by_hand_names_the_turn_before_and_the_next_one_undoes_it(
    local, server
):
    local.agent("helper", more="toolNames: ['str_replace'],")
    local("trust")
    path, other = local.workspace / "a.txt", local.workspace / "b.txt"
    path.write_text("1\n2\n3\n")
    other.write_text("2\n")
    for words, name, old, new in (
        (("helper",), "a.txt", "1", "one"),
        (("-c",), "b.txt", "2", "two"),
        (("-c",), "a.txt", "3", "three"),
    ):
        pair = [{"old": old, "new": new}]
        server.play(call("str_replace", path=name, replacements=pair))
        server.play("done")
        assert local("run", *words, "change it", "--yes-edits").status == 0
    path.write_text("one\n2\n3\n")

    told = local("sessions", "undo")

    assert "files of turn 3 are as they were before it.  To undo turn 2" in told.err
    screen = Screen(f"{sys.executable} -m inhouse chat -c", local.workspace, local.environment)
    try:
        assert screen.shows("helper>")
        screen.type("/undo", "Enter")
        assert screen.shows("To undo turn 2")
        other.chmod(0o444)
        screen.type("/undo", "Enter")
        assert screen.shows("read-only")
        other.chmod(0o644)
        screen.type("/undo", "Enter")
        assert screen.shows("Restored")
        assert (path.read_text(), other.read_text()) == ("one\n2\n3\n", "2\n")
        screen.keys("C-l")
        screen.type("/undo", "Enter")
        assert screen.shows("a.txt")
        assert path.read_text() == "1\n2\n3\n"
    finally:
        screen.close()


def test_an_undo_tells_what_became_of_each_file_since_and_a_sub_agents_changes_are_its_turns(
    local, server
):
    local.agent("child", more="toolNames: ['str_replace', 'write_file'],")
    local.agent("helper", more="toolNames: ['spawn_agents'], spawnableAgents: ['child'],")
    local("trust")
    names = ("deleted", "folder", "binary", "renamed", "linked", "kept", "turned")
    files = {name: local.workspace / f"{name}.txt" for name in names}
    for path in files.values():
        path.write_text("1\n2\n3\n")
    server.play(call("spawn_agents", agents=[{"agent_type": "child", "prompt": "do it"}]))
    server.play(
        *(call("str_replace", path=path.name, replacements=[{"old": "2", "new": "two"}])
          for path in files.values()),
        call("write_file", path="new.txt", content="n\n", instructions="x"),
    )  # fmt: skip
    server.play("child done")
    server.play("done")
    assert local("run", "helper", "change it", "--yes-edits").status == 0
    (session,) = local("sessions", "--json").json
    for name in ("deleted", "folder"):
        files[name].unlink()
    files["folder"].mkdir()
    files["binary"].write_bytes(b"\0\1\2")
    files["renamed"].rename(local.workspace / "other.txt")
    files["turned"].write_bytes(b"1\ntwo\n3\nmine\n")
    os.link(files["linked"], local.home / "elsewhere")

    done = local("sessions", "undo", session["id"], "1")

    for name, told in {
        "deleted": "was deleted or renamed since",
        "folder": "is no longer a text file",
        "binary": "is no longer a text file",
        "renamed": "was deleted or renamed since",
        "linked": "is protected by now",
    }.items():
        assert f"{files[name]} {told}" in done.err, name
    assert files["kept"].read_text() == "1\n2\n3\n"
    assert files["turned"].read_text() == "1\n2\n3\nmine\n"
    assert not (local.workspace / "new.txt").exists()
    assert done.status == 1
    for words, told in (
        ((session["id"], "x"), "Name a session and the number of a turn"),
        ((session["id"], "2"), "has no turn 2.  Turns: 1 to 1"),
        ((session["id"], "9" * 20), "not a whole number from 0 to 999999999"),
        ((session["id"], "9" * 5000), "not a whole number from 0 to 999999999"),
        (("--limit", "9" * 20), "not a whole number from 0 to 999999999"),
    ):
        wrong = local("sessions", "undo", *words)
        assert (wrong.status, told in wrong.err) == (2, True), wrong.err


def test_what_a_prompt_names_is_attached_and_what_may_not_be_read_is_told(local, server):
    local.agent("helper")
    local("trust")
    (local.workspace / "sub").mkdir()
    (local.workspace / "sub" / "a.py").write_text("one\ntwo\nthree\nfour\n")
    (local.workspace / "sub" / "an image").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    (local.workspace / ".env").write_text("SECRET=canary")
    page = local.workspace / "app (new)" / "[id]" / "my, page.txt"
    page.parent.mkdir(parents=True)
    page.write_text("p1\np2\n")
    (local.workspace / "at:3").write_text("a colon")
    (local.workspace / "loop").symlink_to("loop")
    server.default = ["ok"]

    done = local(
        *("run", "helper"),
        "see @sub/a.py:2-3, @sub and @.env; ask @alice about @gone.py, "
        '@"app (new)/[id]/my, page.txt:2-9" @"app (new)/[id]/my, page.txt:3" @at:3 '
        '@"sub/an image" @loop/ @../up.txt and @"app (new)',
    )

    sent = str(texts(server))
    assert "app (new)/[id]/my, page.txt (lines 2 to 2):\\n```\\np2\\n```" in sent
    assert '@"app (new)/[id]/my, page.txt:3" was not attached: ' in done.err
    assert "has 2 lines, and no line 3" in done.err
    assert "at:3:\\n```\\na colon" in sent
    assert "app (new)/ (its files):\\n```\\napp (new)/[id]/my, page.txt\\n```" in sent
    for unread in ('@"sub/an image"', "@loop/", "@../up.txt"):
        assert f"{unread} was not attached: " in done.err, unread
    assert "sub/a.py (lines 2 to 3):\\n```\\ntwo\\nthree\\n```" in sent
    assert "four" not in sent
    assert "canary" not in sent
    assert "Attached sub/a.py (lines 2 to 3): 10 characters" in done.err
    assert "@.env was not attached" in done.err
    assert "There is no file 'gone.py'" in done.err
    assert "alice" not in done.err


def test_nothing_asks_without_a_terminal(local):
    local.agent("helper")
    local("trust")

    done = local("chat", "helper")

    assert done.status == 2
    assert "needs a terminal" in done.err


@pytest.fixture
def chat(local, server):
    local.agent("helper", more="toolNames: ['read_files'],")
    local("trust")
    screen = Screen(
        f"{sys.executable} -m inhouse chat helper",
        local.workspace,
        {**local.environment, "COLUMNS": "100"},
    )
    yield screen
    print(screen.text)
    screen.close()


def test_a_chat_streams_is_steered_stopped_and_goes_on(chat, local, server):
    (local.workspace / "notes.txt").write_text("n")
    (local.workspace / "my notes.txt").write_text("n")
    steered = threading.Event()
    server.play("first line\nhalf", Pause(60, steered), call("read_files", paths=["notes.txt"]))
    server.play("steered answer\n")
    server.play("never ending\n", Pause(60))
    server.default = ["at last\n"]
    assert chat.shows("helper>")
    chat.type("hello there", "Enter")
    assert chat.shows("first line")
    chat.type("look also at b", "Enter")
    assert chat.shows("The agent gets this before its next step.")
    assert chat.shows("half")
    steered.set()
    assert chat.shows("steered answer", "Completed")
    assert chat.text.count("half") == 1  # Not above the line that steered it, too.
    assert texts(server)[-1] == "look also at b"
    chat.type("go on for ever", "Enter")
    assert chat.shows("never ending")
    chat.keys("C-c")
    assert chat.shows("Cancelled in")
    chat.type("/help", "Enter")
    assert chat.shows("undo the file changes")
    chat.type("see @my")
    assert chat.shows("my notes.txt")
    chat.keys("Tab")
    assert chat.shows('see @"my notes.txt"')
    chat.type(" and this", "Enter")
    assert chat.shows("Attached my notes.txt: 1 character.", "at last")
    chat.type("/nonsense", "Enter")
    assert chat.shows("No command /nonsense")
    chat.type("/fork 0", "Enter")
    assert chat.shows("no turn 0 to fork at")
    chat.type(f"/fork {'9' * 20}", "Enter")
    assert chat.shows("not the number of a turn: '99999999999999999999'")
    chat.type("/retry", "Enter")
    assert chat._until(lambda now: len(server.chats) == 5, 40)
    assert chat.shows("Completed")
    chat.keys("C-d")
    assert chat.loses("helper>")

    listed = local("sessions", "--json").json
    assert [one["turns"] for one in listed] == [3, 3]
    assert listed[0]["title"] == "hello there"


def test_a_chat_renders_markdown_and_shows_what_is_being_written(chat, server):
    row = "| name | use |\n| --- | --- |\n| a.py | the **first** |\n"
    written = threading.Event()
    server.play(f"# Files\n\nTwo of **them**:\n\n{row}", "and `ha", Pause(60, written), "lf`\n")
    assert chat.shows("helper>")
    chat.type("what is here", "Enter")

    # Blocks that ended are rendered; the last one stands as it is written, above the prompt.
    assert chat.shows("Two of them:", "the **first**", "and `ha")
    assert "# Files" not in chat.text
    written.set()
    assert chat.shows("Completed")
    assert "the **first**" not in chat.text
    assert "the first\n" in chat.text
    assert "────" in chat.text
    chat.keys("C-d")
    assert chat.loses("helper>")


def test_a_chat_that_is_asked_to_be_plain_shows_what_the_model_wrote(local, server):
    local.agent("helper")
    local("trust")
    server.play("# Files\n\nTwo of **them**\n")
    command = f"{sys.executable} -m inhouse chat helper --plain"
    screen = Screen(command, local.workspace, {**local.environment, "COLUMNS": "100"})
    try:
        assert screen.shows("helper>")
        screen.type("what is here", "Enter")
        assert screen.shows("# Files", "Two of **them**", "Completed")
    finally:
        screen.close()


_MOUNTS = ("unshare --mount", "unshare --user --map-root-user --mount")
_BREAK = {
    "read-only": "mount --bind {state} {state} && mount -o remount,ro,bind {state}",
    "full": "mkdir -p {state}.t && mount -t tmpfs -o size=512k none {state}.t && "
    "cp -r {state}/. {state}.t && mount --bind {state}.t {state} && "
    "(dd if=/dev/zero of={state}/fill bs=1k count=1000 2>/dev/null; true)",
    "a folder in its place": "rm -rf {state}/sessions.db && mkdir {state}/sessions.db",
    "no database": "echo this is no database at all > {state}/sessions.db",
}


def _mounting():
    for one in _MOUNTS:
        with contextlib.suppress(OSError):
            tried = [*one.split(), "mount", "-t", "tmpfs", "none", "/tmp"]
            if subprocess.run(tried, capture_output=True, check=False).returncode == 0:
                return one.split()
    return None


@pytest.mark.parametrize("how", _BREAK)
def test_a_run_answers_where_nothing_can_be_kept_and_says_so_once(local, server, how):
    mounting = _mounting()
    if mounting is None:
        pytest.skip("NOT PROVED HERE: this system makes no mount namespace")
    local.agent("helper")
    server.default = ["an answer"]
    state = local.home / "inhouse" / "state"
    assert local("run", "--trust", "helper", "first").status == 0
    (first,) = local("sessions", "--json").json

    def broken(*arguments):
        script = f'{_BREAK[how].format(state=state)} && exec "$@"'
        return local.run([*mounting, "sh", "-c", script, "sh", *local.command(*arguments)])

    done = broken("run", "--trust", "helper", "second")

    assert (done.status, done.out.strip()) == (0, "an answer"), done.err
    assert "Traceback" not in done.err
    assert str(state) in done.err
    if how == "no database":
        assert "was damaged" in done.err
        assert next(state.glob("sessions.db.broken-*")).read_text().startswith("this is no")
        return
    assert done.err.count("This conversation is not kept on disk") == 1
    assert "set INHOUSE_HOME to another folder" in done.err
    again = broken("run", "--trust", "--session", first["id"], "third")
    assert "Traceback" not in again.err
    if how in ("read-only", "full"):
        assert again.status == 0
        assert texts(server).index("first") < texts(server).index("third")
        assert local("sessions", "--json").json == [first]
        assert "## 1 · helper\n\nan answer" in broken("sessions", "show").out
        gone = broken("sessions", "delete", first["id"])
        assert (gone.status, "set INHOUSE_HOME" in gone.err) == (2, True)
        assert local("sessions", "--json").json == [first], "it is still there, whole"
    else:
        assert again.status in (1, 2), "without what was said it would be another conversation"
        assert "sessions" in again.err
