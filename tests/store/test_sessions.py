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
from inhouse.store.database import Database
from inhouse.store.sessions import LAYOUT, AddEvent, SessionStore, SetHistory, Turn, TurnEnd

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
        begun = store.begin("s", turn(number), workspace=folder, endpoint=None, model=None, most=9)
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


if __name__ == "__main__":
    main(Path(sys.argv[1]))


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
    shown = subprocess.run([sys.executable, "-c", kept], capture_output=True, text=True)
    assert "the ••• says" in shown.stdout, shown.stderr
    assert "path" in shown.stdout
