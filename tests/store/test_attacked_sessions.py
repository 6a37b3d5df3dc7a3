"""The file of the sessions under attack: kills, damage, two versions at once, other clocks."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inhouse.core.errors import UserError
from inhouse.core.messages import AssistantMessage, UserMessage
from inhouse.store.database import Database, Layout
from inhouse.store.sessions import (
    LAYOUT,
    AddEdit,
    AddEvent,
    SessionStore,
    SetHistory,
    Turn,
    TurnEnd,
)

FIRST = Layout(LAYOUT.file, LAYOUT.schema.partition("CREATE TABLE IF NOT EXISTS ending")[0], 1, "")
SECOND = Layout(
    LAYOUT.file, LAYOUT.schema.partition("CREATE TABLE IF NOT EXISTS touched")[0], 2, ""
)
END = TurnEnd("completed", 1, 1, 1, 0.0)
KILLS = 40
no_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on Windows")


def opened(folder, layout=LAYOUT):
    return SessionStore(Database(folder, layout))


def a_turn(store, session, number, more=""):
    """Write one turn as a host does: what is said first, then the history, an edit, the end."""
    turn = Turn(
        *(0, f"{session}-{number}", "a", f"prompt {number}", {}, "e", "http://e", "m", True),
        status="running",
        started_at="",
    )
    history = store.history(session)
    begun = store.begin(session, turn, workspace=Path("/w"), endpoint=None, model=None)
    said = (UserMessage(f"prompt {begun}"), AssistantMessage(f"answer {begun}{more}"))
    changes = [
        AddEvent("a", turn.run_id, "text", {"delta": f"answer {begun}{more}"}),
        SetHistory(len(history.messages), said, "e", "m", said=True),
        AddEdit(turn.run_id, Path("/w/a"), f"{begun - 1}", f"{begun}", "applied"),
    ]
    store.write(session, begun, changes, list(history.rows))
    store.finish(session, begun, END)
    return begun


def texts(store, session):
    return [kept.message.text for kept in store.history(session).messages]


def whole(turns):
    return [f"{what} {number}" for number in range(1, turns + 1) for what in ("prompt", "answer")]


def work_for_ever(folder, seed):
    """Do what users do with sessions, until somebody kills the process."""
    picks = random.Random(seed)
    store = opened(folder)
    while True:
        known = store.find("main")
        turns = known.turns if known is not None else 0
        match picks.choice(("turn", "turn", "compact", "undo", "fork", "delete", "rename")):
            case "turn":
                a_turn(store, "main", turns + 1)
            case "compact" if turns:
                store.replace_history(
                    "main", 0, [UserMessage(f"summary of {turns}")], endpoint="e", model="m"
                )
            case "undo" if turns:
                edits = [one.id for one in store.edits("main", turns)]
                store.mark_undone("main", turns, edits, whole=True)
            case "fork" if turns:
                store.fork("main", turns + 1, f"fork-{picks.randrange(10**9)}-{turns}")
            case "delete":
                for one in store.summaries():
                    if one.id.startswith("fork-"):
                        store.delete(one.id)
            case "rename" if turns:
                store.rename("main", f"title {turns}")
            case _:
                pass


def main(folder):
    """Kill a process at random moments, and look at what it left each time."""
    picks = random.Random(11)
    made = opened(folder, FIRST)
    with made._database.change() as change:
        names = "id, workspace, agent, title, status, started_at, updated_at"
        row = ("old", "/w", "a", "t", "completed", "x", "x")
        change.execute(f"INSERT INTO session ({names}) VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    made._database.close()
    shutil.copy(folder / LAYOUT.file, folder / "first")
    turns = 0
    for kill in range(KILLS):
        if kill % 8 == 7:  # Bringing a file up to this version is killed too.
            for file in folder.glob(f"{LAYOUT.file}*"):
                file.unlink()
            shutil.copy(folder / "first", folder / LAYOUT.file)
            turns = 0
        pid = os.fork()
        if pid == 0:
            work_for_ever(folder, kill)
        time.sleep(picks.uniform(0.001, 0.05))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        store = opened(folder)
        assert store._database.messages == []
        known = {one.id: one for one in store.summaries()}
        assert "main" in known or not turns, "the session is gone"
        turns = known["main"].turns if "main" in known else 0
        for name, one in known.items():
            numbers = [turn.number for turn in store.turns(name)]
            assert numbers == list(range(1, one.turns + 1)), name
            assert {edit.turn for edit in store.edits(name)} <= set(numbers)
            ended = [turn.number for turn in store.turns(name) if turn.status == "completed"]
            said = texts(store, name)
            if not any(text.startswith("summary") for text in said) and name != "old":
                assert {f"answer {number}" for number in ended} <= set(said), name
            assert len(said) == len(set(said)), "a message is there twice"
        rows = store._database.rows
        for table in ("turn", "message", "event", "edit", "touched"):
            lost = f"SELECT 1 FROM {table} WHERE session NOT IN (SELECT id FROM session)"
            assert rows(lost) == [], f"{table} kept what was deleted"
        if "main" in known:
            store.mark_interrupted("main")
        store._database.close()
    assert "old" in known


def run_this(*arguments):
    done = subprocess.run(
        [sys.executable, __file__, *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr


@no_fork
def test_kills_during_turns_compaction_undo_forks_deletion_and_migration_leave_all_or_nothing(
    tmp_path,
):
    run_this("kill", tmp_path)


@no_fork
@pytest.mark.parametrize("session", ["one each", "the same"])
def test_processes_that_begin_at_once_and_of_two_versions_lose_nothing(tmp_path, session):
    older = opened(tmp_path, SECOND)
    older._database.rows("SELECT 1")
    older._database.close()
    workers = []
    for number in range(4):
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                store = opened(tmp_path, SECOND if number == 0 else LAYOUT)
                name = "shared" if session == "the same" else f"s{number}"
                for turn in range(10):
                    begin_and_end(store) if name == "shared" else a_turn(store, name, turn)
                status = 0
            finally:
                os._exit(status)
        workers.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in workers] == [0, 0, 0, 0]

    store = opened(tmp_path)
    known = {one.id: one.turns for one in store.summaries()}
    if session == "the same":
        assert known == {"shared": 40}
    else:
        assert known == dict.fromkeys(("s0", "s1", "s2", "s3"), 10)
        assert all(texts(store, name) == whole(10) for name in known)
    assert store._database.rows("PRAGMA user_version")[0][0] == LAYOUT.version


def begin_and_end(store):
    """Write a turn of a session that others write too."""
    turn = Turn(
        *(0, "run", "a", "p", {}, "e", "http://e", "m", True),
        status="running",
        started_at="",
    )
    begun = store.begin("shared", turn, workspace=Path("/w"), endpoint=None, model=None)
    store.finish("shared", begun, END)


def test_a_file_with_any_one_page_overwritten_keeps_each_row_that_can_be_read(tmp_path):
    home = tmp_path / "whole"
    store = opened(home)
    for session in ("first", "second"):
        for number in range(1, 9):
            a_turn(store, session, number, " " + "x" * 900)
    store._database.close()
    file = home / LAYOUT.file
    pages = file.stat().st_size // 4096
    assert pages > 20
    before = {name: set(texts(opened(home), name)) for name in ("first", "second")}
    noise = random.Random(3)
    told = whole_tables = 0

    for page in range(pages):
        folder = tmp_path / f"page-{page}"
        folder.mkdir()
        shutil.copy(file, folder)
        with (folder / LAYOUT.file).open("r+b") as damaged:
            damaged.seek(page * 4096)
            damaged.write(noise.randbytes(4096))
        store = opened(folder)
        names = {one.id for one in store.summaries()}
        kept = {name: set(texts(store, name)) for name in names}
        for name in names:
            store.events(name), store.turns(name), store.edits(name)
        if page:
            lost = sum(len(before[name] - kept.get(name, set())) for name in before)
            assert names == {"first", "second"}, f"a session is gone with page {page}"
            whole_tables += lost > 12  # The one page from which all others of a table are found.
        assert a_turn(store, "first", 99), "a turn goes on"
        assert "answer" in texts(store, "first")[-1]
        told += len(store._database.messages)
        if store._database.messages:
            assert "was damaged" in store._database.messages[0]
            assert list(folder.glob("*.broken-*")), "the damaged file is not there any more"
            assert store._database.rows("PRAGMA integrity_check")[0][0] == "ok"
        store._database.close()
        shutil.rmtree(folder)
    assert told > pages / 2
    assert whole_tables <= 1


def test_two_processes_that_find_the_same_damage_set_only_the_damaged_file_aside(tmp_path):
    one, other = opened(tmp_path), opened(tmp_path)
    a_turn(one, "s", 1)
    other.summaries()
    one._database.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    with (tmp_path / LAYOUT.file).open("r+b") as file:
        file.write(b"no database at all" * 400)
    one._database.close()
    assert one.summaries() == ()
    a_turn(one, "new", 1)

    for store in (other, one):
        assert [each.id for each in store.summaries()] == ["new"]
    assert len([one for one in tmp_path.glob("*.broken-*") if "-wal" not in one.name]) == 1


def test_a_file_that_is_deleted_under_a_server_is_made_again(tmp_path):
    store = opened(tmp_path)
    a_turn(store, "s", 1)
    for file in tmp_path.glob(f"{LAYOUT.file}*"):
        file.unlink()

    a_turn(store, "after", 1)

    assert [one.id for one in opened(tmp_path).summaries()] == ["after"]
    with pytest.raises(UserError, match="no longer in"):
        store.write("s", 1, [AddEvent("a", "r", "text", {"delta": "x"})], [])


def test_the_newest_session_is_the_one_used_last_also_when_the_clock_went_back(tmp_path):
    store = opened(tmp_path)
    a_turn(store, "early", 1)
    a_turn(store, "in the future", 1)
    with store._database.change() as change:
        change.execute(
            "UPDATE session SET updated_at = '2999-01-01T00:00:00+00:00' WHERE id = 'in the future'"
        )

    a_turn(store, "now", 1)
    a_turn(store, "early", 2)

    assert [one.id for one in store.summaries()] == ["early", "now", "in the future"]
    assert [one.id for one in store.summaries(limit=1)] == ["early"]
    gone, _ = store.prune(2, lambda _: False)
    assert gone == ("in the future",)


def test_what_else_is_kept_of_a_session_is_deleted_before_the_session_is(tmp_path):
    store = opened(tmp_path)
    a_turn(store, "s", 1)

    def dies(sessions, runs):
        assert (tuple(sessions), tuple(runs)) == (("s",), ("s-1",))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.delete("s", dies)
    with pytest.raises(KeyboardInterrupt):
        store.prune(0, lambda _: False, dies)

    assert [one.id for one in store.summaries()] == ["s"], "it can be deleted again"


if __name__ == "__main__":
    main(Path(sys.argv[2]))
