"""What sessions cost: a turn more, opening a long one, listing many.

python benchmarks/sessions.py
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from attrs import evolve
from sections import write

from inhouse.core.messages import AssistantMessage, ToolCall, ToolMessage, UserMessage
from inhouse.host.session_document import session_document
from inhouse.store.database import Database
from inhouse.store.sessions import (
    LAYOUT,
    AddEvent,
    SessionStore,
    SetHistory,
    Turn,
    TurnEnd,
)

TURNS, SESSIONS, ROUNDS = 1_000, 10_000, 60
ROOT = Path("/workspace")
WHERE = {"endpoint": "local", "base_url": "http://127.0.0.1/v1", "model": "m", "local": True}
TURN = Turn(0, "", "writer", "", {}, **WHERE, status="running", started_at="")
END = TurnEnd("completed", 1_200, 900, 150, 0.0)


def append(store: SessionStore, session: str, number: int, rows: list[int]) -> None:
    """Write one turn as a run does: a prompt, thinking, a tool's call and result, an answer."""
    turn = evolve(TURN, run_id=f"{session}-{number}", prompt=f"Question {number}: why?")
    at = store.begin(session, turn, workspace=ROOT, endpoint=None, model=None)
    call = ToolCall(f"call-{number}", "read_files", '{"paths": ["a.py"]}')
    steps = (
        (AddEvent("writer", turn.run_id, "reasoning", {"delta": "Let me see. " * 20}),),
        (
            AddEvent(
                *("writer", turn.run_id, "tool_call"),
                {"callId": call.id, "tool": call.name, "input": {"paths": ["a.py"]}},
            ),
            AddEvent(
                *("writer", turn.run_id, "tool_result"),
                {"callId": call.id, "ok": True, "summary": "1 file"},
            ),
        ),
        (AddEvent("writer", turn.run_id, "text", {"delta": "It is so because. " * 30}),),
    )
    said = (
        (UserMessage(turn.prompt, ("USER_PROMPT",)), AssistantMessage("", (call,))),
        (ToolMessage(call.id, call.name, {"content": "x = 1\n" * 100}),),
        (AssistantMessage("It is so because. " * 30),),
    )
    for events, messages in zip(steps, said, strict=True):
        history = SetHistory(len(rows), messages, "local http://127.0.0.1/v1", "m", said=True)
        store.write(session, at, [*events, history], rows)
    store.finish(session, at, END)


def milliseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1_000


def appending(store: SessionStore) -> tuple[float, float]:
    """Append turns to new sessions and to one of 1,000 turns, by turns: disks have moods."""
    rows = list(store.history("long").rows)
    empty, long = list[float](), list[float]()
    for number in range(ROUNDS):
        fresh = f"fresh-{number}"
        empty.append(milliseconds(lambda name=fresh: append(store, name, 0, [])))
        at = TURNS + number
        long.append(milliseconds(lambda at=at: append(store, "long", at, rows)))
    return statistics.median(empty), statistics.median(long)


def document(store: SessionStore) -> str:
    known = store.named("long")
    return session_document(known, store.turns("long"), store.events("long")).text


def median(work: Callable[[], object], rounds: int = 9) -> float:
    """Measure processor time: what is read is in memory, and others use the machine, too."""
    spent: list[float] = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        spent.append((time.process_time() - began) * 1_000)
    return statistics.median(spent)


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        store = SessionStore(Database(Path(folder), LAYOUT))
        rows: list[int] = []
        for number in range(TURNS):
            append(store, "long", number, rows)
        empty, long = appending(store)
        text = document(store)
        opened = median(lambda: document(store))
        read = median(lambda: store.history("long"))
        for number in range(SESSIONS):
            turn = evolve(TURN, run_id=f"m-{number}", prompt=f"Session {number}")
            store.begin(f"many-{number}", turn, workspace=ROOT, endpoint=None, model=None)
            store.finish(f"many-{number}", 1, END)
        everything = median(lambda: store.summaries(workspaces=[ROOT]))
        newest = median(lambda: store.summaries(workspaces=[ROOT], limit=50))
        found = median(lambda: store.summaries(workspaces=[ROOT], query="session 4711", limit=50))
    write(
        "Sessions",
        "python benchmarks/sessions.py",
        [
            ("a turn is written to an empty session, median", f"{empty:.1f} ms", ""),
            (
                f"a turn is written to a session of {TURNS:,} turns, times that",
                f"{long / empty:.2f}",
                "< 1.5",
            ),
            (
                f"the whole history of {TURNS:,} turns is read for the next one",
                f"{read:.0f} ms",
                "",
            ),
            (
                f"the document of {TURNS:,} turns ({len(text):,} characters): processor time",
                f"{opened:.0f} ms",
                "< 100 ms",
            ),
            (
                f"{SESSIONS:,} sessions listed: processor time",
                f"{everything:.0f} ms",
                "< 100 ms",
            ),
            (f"the newest 50 of {SESSIONS:,}", f"{newest:.1f} ms", "< 100 ms"),
            (f"a search through the prompts of {SESSIONS:,}", f"{found:.0f} ms", ""),
        ],
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
