"""What is left of a session whose process is killed, and who may read the file."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inhouse.core.messages import AssistantMessage, ToolCall, ToolMessage, UserMessage
from inhouse.loop.history import answered, closed
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

KILLS = 50


def turn(number):
    where = {"endpoint": "e", "base_url": "http://e", "model": "m", "local": True}
    return Turn(
        0, f"run-{number}", "a", f"prompt {number}", {}, **where, status="running", started_at=""
    )


def work_for_ever(folder):
    """Write turns as a host does, until somebody kills the process."""
    store = SessionStore(Database(folder, LAYOUT))
    number = 0
    while True:
        number += 1
        rows = list(store.history("s").rows)
        history = store.history("s").messages
        begun = store.begin("s", turn(number), workspace=folder, endpoint=None, model=None)
        call = ToolCall(f"call-{begun}", "look", "{}")
        steps = (
            UserMessage(f"prompt {begun}"),
            AssistantMessage(f"answer {begun}", (call,)),
            ToolMessage(call.id, "look", {"text": "x" * 500}),
        )
        for index, message in enumerate(steps):
            text = AddEvent("a", f"run-{number}", "text", {"delta": f"piece {index} "})
            kept = len(history) + index
            store.write(
                "s", begun, [text, SetHistory(kept, (message,), "e", "m", said=index == 1)], rows
            )
        store.finish("s", begun, TurnEnd("completed", 1, 1, 1, 0.0))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on Windows")
def test_a_process_killed_at_fifty_random_moments_never_costs_the_session(tmp_path):
    done = subprocess.run(
        [sys.executable, __file__, str(tmp_path)],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / LAYOUT.file).stat().st_mode & 0o777 == 0o600


def main(folder):
    picks = random.Random(7)
    turns = 0
    for _ in range(KILLS):
        pid = os.fork()
        if pid == 0:
            work_for_ever(folder)
        time.sleep(picks.uniform(0.005, 0.06))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        store = SessionStore(Database(folder, LAYOUT))
        known = store.find("s")
        if known is None:
            assert turns == 0, "the session is gone"
            continue
        kept = store.turns("s")
        assert [one.number for one in kept] == list(range(1, known.turns + 1))
        assert known.turns >= turns, "turns are gone"
        turns = known.turns
        messages = [one.message for one in store.history("s").messages]
        whole = answered(closed(messages))
        calls = [c.id for m in whole if isinstance(m, AssistantMessage) for c in m.tool_calls]
        assert calls == [m.call_id for m in whole if isinstance(m, ToolMessage)]
        prompts = [m.text for m in whole if isinstance(m, UserMessage)]
        assert prompts == sorted(set(prompts), key=prompts.index), "a prompt is there twice"
        finished = [f"answer {one.number}" for one in kept if one.status == "completed"]
        said = {m.text for m in whole if isinstance(m, AssistantMessage)}
        assert set(finished) <= said, "what a finished turn said is gone"
        store.mark_interrupted("s")
    assert turns > KILLS / 2, turns


def test_a_key_that_is_a_word_of_the_format_leaves_the_session_readable():
    kept = """
from inhouse.core import redaction
from inhouse.core.messages import AssistantMessage, ToolCall
from inhouse.store.session_messages import dump, load
for word in ("assistant", "reasoning", "tool_calls", "arguments", "content"):
    redaction.remember(word)
call = ToolCall("c", "look", '{"path": "arguments"}')
print(load(dump(AssistantMessage("the assistant says", (call,), reasoning="why"))))
"""
    shown = subprocess.run(
        [sys.executable, "-c", kept], capture_output=True, text=True, check=False
    )
    assert "the ••• says" in shown.stdout, shown.stderr
    assert "path" in shown.stdout


def begun(store, session, number=1, prompt=None):
    """Begin a turn, and give its number."""
    from attrs import evolve

    started = evolve(turn(number), prompt=prompt or f"prompt {number}")
    return store.begin(session, started, workspace=Path("/w"), endpoint=None, model=None)


END = TurnEnd("completed", 1, 1, 1, 0.0)


def test_whoever_steers_is_heard_or_told_that_the_turn_is_over():
    store = SessionStore(Database(None, LAYOUT))
    number = begun(store, "s")
    assert store.steer("s", "one")
    assert store.take_last_steers("s", number) == ("one",)
    assert store.listens("s"), "there was something: the turn goes on"
    assert store.take_last_steers("s", number) == ()

    assert not store.listens("s")
    assert not store.steer("s", "too late"), "the row still says that it runs"
    store.finish("s", number, END)
    assert not store.steer("s", "later still")
    begun(store, "s", 2)
    assert store.take_steers("s") == ()
    assert store.steer("s", "heard")
    assert store.steer("s", "")
    assert store.take_steers("s") == ()


def test_what_a_killed_turn_did_not_take_reaches_the_next_one():
    store = SessionStore(Database(None, LAYOUT))
    begun(store, "s")
    store.steer("s", "said before the crash")
    store.mark_interrupted("s")
    assert not store.steer("s", "nobody runs it")
    begun(store, "s", 2)
    assert store.take_steers("s") == ("said before the crash",)


def test_only_the_newest_sessions_are_kept_and_each_that_runs():
    store = SessionStore(Database(None, LAYOUT))
    for name in ("runs", "died", "old", "newer", "newest"):
        number = begun(store, name, len(name) * 10 + ord(name[0]))
        if name not in ("runs", "died"):
            store.finish(name, number, END)

    gone, runs = store.prune(2, lambda session: session == "runs")

    assert sorted(gone) == ["died", "old"]
    assert len(runs) == 2
    assert {one.id for one in store.summaries()} == {"runs", "newer", "newest"}
    assert store.prune(2, lambda _: True) == ((), ())


def test_a_fork_of_a_fork_has_each_turn_as_it_was_then_with_its_edits():
    store = SessionStore(Database(None, LAYOUT))
    rows, length = [], 0
    for number in (1, 2, 3):
        begun(store, "s", number)
        said = (UserMessage(f"prompt {number}"), AssistantMessage(f"answer {number}"))
        edit = AddEdit(f"run-{number}", Path("/w/a"), f"{number - 1}", f"{number}", "applied")
        store.write("s", number, [SetHistory(length, said, "e", "m", said=True), edit], rows)
        store.finish("s", number, END)
        length += 2
    summary = UserMessage("summary of all")
    begun(store, "s", 4)
    store.write("s", 4, [SetHistory(0, (summary,), "e", "m")], rows)
    store.finish("s", 4, END)
    store.fork("s", 4, "one")
    store.fork("one", 3, "two")
    store.fork("s", 5, "three")

    def texts(session):
        return [kept.message.text for kept in store.history(session).messages]

    assert texts("one") == [f"{what} {n}" for n in (1, 2, 3) for what in ("prompt", "answer")]
    assert texts("two") == texts("one")[:4]
    assert texts("three") == texts("s") == ["summary of all"]
    assert [(one.turn, one.new) for one in store.edits("two")] == [(1, "1"), (2, "2")]
    assert store.find("two").forked_from == "one"
    assert store.delete("one") == (), "its runs are those of other sessions too"


def test_a_file_of_the_first_version_is_read_and_written_on(tmp_path):
    old = Layout(LAYOUT.file, LAYOUT.schema.split("CREATE TABLE IF NOT EXISTS ending")[0], 1, "")
    store = SessionStore(Database(tmp_path, old))
    store._database.rows("SELECT 1")
    row = ("s", "/w", "a", "t", "completed", "x", "x")
    with store._database.change() as change:
        names = "id, workspace, agent, title, status, started_at, updated_at"
        change.execute(f"INSERT INTO session ({names}) VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    store._database.close()

    now = SessionStore(Database(tmp_path, LAYOUT))

    assert [one.id for one in now.summaries()] == ["s"]
    number = begun(now, "s")
    assert now.take_last_steers("s", number) == ()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
