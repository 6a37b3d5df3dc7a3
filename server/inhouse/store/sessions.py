"""Sessions: conversations with every turn, message, edit and cost, written as they happen.

They have a file of their own, since it holds prompts, answers and texts of files; the user's
setting ``keptSessions`` says how many are kept.  Blocks: call it through a thread.
"""

import json
import sqlite3
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from attrs import field, frozen

from inhouse.core.errors import UserError
from inhouse.core.json_values import fields
from inhouse.core.message_json import USER_PROMPT
from inhouse.core.messages import Image, Message, UserMessage
from inhouse.core.redaction import redact, redact_value

from .database import BROKEN, UNUSABLE, Database, Layout
from .session_messages import dump, read

Forget = Callable[[Sequence[str], Sequence[str]], None]
"""Deletes what else is kept of sessions and of these runs of theirs."""
INTERRUPTED = "interrupted"
"""The status of a turn whose process died."""
RUNNING = "running"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS session (
  id TEXT PRIMARY KEY, workspace TEXT NOT NULL, agent TEXT NOT NULL, title TEXT NOT NULL,
  named INTEGER NOT NULL DEFAULT 0, endpoint TEXT, model TEXT, status TEXT NOT NULL,
  turns INTEGER NOT NULL DEFAULT 0, started_at TEXT NOT NULL, updated_at TEXT NOT NULL,
  input_tokens INTEGER NOT NULL DEFAULT 0, output_tokens INTEGER NOT NULL DEFAULT 0,
  cost_usd REAL, unknown_costs INTEGER NOT NULL DEFAULT 0, forked_from TEXT) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS session_updated ON session (updated_at);
CREATE TABLE IF NOT EXISTS turn (
  session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE ON UPDATE CASCADE,
  number INTEGER NOT NULL, run_id TEXT NOT NULL, agent TEXT NOT NULL, prompt TEXT NOT NULL,
  params TEXT NOT NULL, endpoint TEXT NOT NULL, base_url TEXT NOT NULL, model TEXT NOT NULL,
  local INTEGER NOT NULL, status TEXT NOT NULL, stop_reason TEXT, error_code TEXT,
  error_message TEXT, started_at TEXT NOT NULL, duration_ms INTEGER NOT NULL DEFAULT 0,
  input_tokens INTEGER NOT NULL DEFAULT 0, output_tokens INTEGER NOT NULL DEFAULT 0,
  cost_usd REAL, said_until INTEGER NOT NULL DEFAULT 0, undone INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (session, number)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS turn_run ON turn (run_id);
CREATE TABLE IF NOT EXISTS message (
  id INTEGER PRIMARY KEY, session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
  turn INTEGER NOT NULL, until INTEGER, endpoint TEXT NOT NULL, model TEXT NOT NULL,
  body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS message_session ON message (session, id);
CREATE TABLE IF NOT EXISTS event (
  id INTEGER PRIMARY KEY, session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
  turn INTEGER NOT NULL, agent TEXT NOT NULL, run_id TEXT NOT NULL, kind TEXT NOT NULL,
  body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS event_session ON event (session, turn, id);
CREATE TABLE IF NOT EXISTS edit (
  id INTEGER PRIMARY KEY, session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
  turn INTEGER NOT NULL, run_id TEXT NOT NULL, path TEXT NOT NULL, old TEXT, new TEXT,
  state TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS edit_session ON edit (session, turn, id);
CREATE INDEX IF NOT EXISTS edit_run ON edit (run_id);
CREATE TABLE IF NOT EXISTS steer (
  id INTEGER PRIMARY KEY, session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
  text TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS steer_session ON steer (session);
CREATE TABLE IF NOT EXISTS ending (
  session TEXT PRIMARY KEY REFERENCES session (id) ON DELETE CASCADE, turn INTEGER NOT NULL)
  WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS touched (
  place INTEGER PRIMARY KEY,
  session TEXT NOT NULL UNIQUE REFERENCES session (id) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TRIGGER IF NOT EXISTS session_made AFTER INSERT ON session BEGIN
  INSERT OR REPLACE INTO touched (session) VALUES (new.id); END;
CREATE TRIGGER IF NOT EXISTS session_used AFTER UPDATE OF updated_at ON session BEGIN
  INSERT OR REPLACE INTO touched (session) VALUES (new.id); END;
INSERT OR IGNORE INTO touched (session) SELECT id FROM session ORDER BY updated_at, id;
"""
"""``touched`` has the order in which sessions were used: clocks go backwards.  Triggers keep it
right also where a process of an older version writes."""

LAYOUT = Layout(
    "sessions.db",
    _SCHEMA,
    3,
    "`inhouse sessions --all` lists what was saved.  Delete the damaged file when you do not need"
    " it any more: it holds what was said.",
    made_good=(
        "INSERT OR IGNORE INTO session (id, workspace, agent, title, status, turns, started_at,"
        " updated_at, input_tokens, output_tokens) SELECT session, '', agent,"
        " (SELECT substr(prompt, 1, 60) FROM turn first WHERE first.session = turn.session"
        " ORDER BY number LIMIT 1),"
        " status, max(number), started_at, started_at, sum(input_tokens), sum(output_tokens)"
        " FROM turn GROUP BY session"
    ),
)

_LISTENS = (
    "status = 'running' AND number NOT IN"
    " (SELECT turn FROM ending WHERE ending.session = turn.session)"
)
_UNREADABLE = "Here something cannot be read: the file that keeps the sessions was damaged."
_TITLE = 60
"""How many characters of a prompt make its session's title."""


@frozen
class SessionSummary:
    """A conversation, as a list shows it."""

    id: str
    title: str
    agent: str
    """The agent of its last turn."""
    turns: int
    status: str
    """Of its last turn: ``running``, ``completed``, ``cancelled``, ``failed`` or
    ``interrupted``."""
    started_at: str
    updated_at: str
    input_tokens: int
    output_tokens: int
    workspace: str
    endpoint: str | None
    """Chosen by the user for this session; overrides the settings."""
    model: str | None
    forked_from: str | None
    cost_usd: float | None
    """None if the cost of a turn is unknown."""


_SUMMARY = (
    "id, title, agent, turns, status, started_at, updated_at, input_tokens, output_tokens,"
    " workspace, endpoint, model, forked_from, unknown_costs, cost_usd"
)
"""The columns of a `SessionSummary`, in order, and whether its cost is known."""


@frozen
class Turn:
    """One run of a session."""

    number: int
    run_id: str
    agent: str
    prompt: str
    params: Mapping[str, object]
    endpoint: str
    base_url: str
    model: str
    local: bool
    status: str
    started_at: str
    stop_reason: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    duration_ms: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    undone: bool = False
    """Its changes to files were undone."""


@frozen
class KeptMessage:
    """A message of the history, and which model made it."""

    message: Message
    endpoint: str
    """The name and base URL of the endpoint of its turn."""
    model: str


@frozen
class KeptEvent:
    """An event of a turn, in the shape of docs/protocol.md's `RunEvent`."""

    turn: int
    agent: str
    run_id: str
    kind: str
    body: Mapping[str, Any]


@frozen
class KeptEdit:
    """A change that a turn made or proposed."""

    id: int
    turn: int
    path: Path
    old: str | None
    new: str | None
    state: str
    run_id: str = ""
    """The run that made it: the turn's own, or one of its sub-agents."""


# What is written while a turn runs, in the order it happened.


@frozen
class AddEvent:
    agent: str
    run_id: str
    kind: str
    body: Mapping[str, Any]


@frozen
class SetHistory:
    """The history is now its first *kept* messages followed by *added*."""

    kept: int
    added: tuple[Message, ...] = field(repr=False)
    endpoint: str
    model: str
    said: bool = False
    """These messages contain what was streamed so far."""


@frozen
class AddEdit:
    run_id: str
    path: Path
    old: str | None = field(repr=False)
    new: str | None = field(repr=False)
    state: str


@frozen
class SetRoute:
    endpoint: str
    base_url: str
    model: str
    local: bool


Change = AddEvent | SetHistory | AddEdit | SetRoute


@frozen
class TurnEnd:
    """How a turn ended."""

    status: str
    duration_ms: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    stop_reason: str | None = None
    error_code: str | None = None
    error_message: str | None = None


@frozen
class History:
    """The history that a turn continues from."""

    messages: tuple[KeptMessage, ...]
    rows: tuple[int, ...]
    """The database row of each message."""
    partial: str = ""
    """The partial answer, if the process of the last turn died."""


@frozen
class _Held:
    """A session that is in memory, because its file cannot be written now."""

    database: Database
    why: str
    turns: int
    """How many turns of it were in the file."""


P = ParamSpec("P")
R = TypeVar("R")


def _kept_or_held(
    work: Callable[Concatenate["SessionStore", str, P], R],
) -> Callable[Concatenate["SessionStore", str, P], R]:
    """Do it in the file; where that cannot be written, with the session held in memory."""

    @wraps(work)
    def done(store: "SessionStore", session: str, /, *given: P.args, **named: P.kwargs) -> R:
        try:
            return work(store, session, *given, **named)
        except UserError as error:
            if error.code == UNUSABLE and store.held(session) is None:
                store.hold(session, str(error))
            elif error.code != BROKEN:
                raise
        return work(store, session, *given, **named)

    return done


class SessionStore:
    """The conversations of one user, in a file or in memory.

    A session whose turn cannot be written to the file goes on in memory, with all that the file
    has of it, and goes back into the file once that can be written again.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held: dict[str, _Held] = {}

    # In memory where the file cannot be written.

    def held(self, session: str) -> str | None:
        """Say why a session is in memory; None: it is in the file."""
        held = self._held.get(session)
        return held.why if held is not None else None

    @property
    def all_held(self) -> tuple[str, ...]:
        """The ids of the sessions that are in memory."""
        return tuple(self._held)

    def hold(self, session: str, why: str, *, new: bool = False) -> None:
        """Go on with a session in memory.  Raises `UserError` where it cannot be read.

        *new*: nothing of it is in the file.
        """
        memory, turns = Database(None, LAYOUT), 0
        if not new and self.find(session) is not None:
            rows = _rows_of(self._database, session)
            turns = rows["session"][0]["turns"]
            with memory.change() as change:
                _put(change, rows)
        self._held[session] = _Held(memory, why, turns)

    def take_back(self, session: str) -> bool:
        """Put a session that is in memory back into the file, by who has its lock.

        False: somebody went on with it in the file.  Raises `UserError` where that cannot be
        written.
        """
        held = self._held[session]
        rows = _rows_of(held.database, session)
        with self._database.change() as change:
            found = change.execute("SELECT turns FROM session WHERE id = ?", (session,)).fetchone()
            if (found[0] if found else 0) != held.turns:
                return False
            change.execute("DELETE FROM session WHERE id = ?", (session,))
            _put(change, rows)
        del self._held[session]
        held.database.close()
        return True

    def _of(self, session: str) -> Database:
        held = self._held.get(session)
        return held.database if held is not None else self._database

    # Reading.

    def find(self, session: str) -> SessionSummary | None:
        """Return a session; None if none has that id."""
        query = f"SELECT {_SUMMARY} FROM session WHERE id = ?"  # noqa: S608  names of ours
        rows = self._of(session).rows(query, (session,))
        return _summary(rows[0]) if rows else None

    def named(self, session: str) -> SessionSummary:
        """Return a session by its id, or by a prefix that only one id has.  Raises `UserError`."""
        if (found := self.find(session)) is not None:
            return found
        asked = f"SELECT {_SUMMARY} FROM session WHERE substr(id, 1, ?) = ? LIMIT 2"  # noqa: S608  ours
        places = (self._database, *(one.database for one in self._held.values()))
        found = [place.rows(asked, (len(session), session)) for place in places]
        rows = {row["id"]: row for rows in found for row in rows}
        if session and len(rows) == 1:
            return _summary(*rows.values())
        newest = ", ".join(one.id for one in self.summaries(limit=5)) or "none yet"
        what = "More than one session begins with" if rows else "No session"
        raise UserError(f"{what} {session!r}.  Sessions: {newest}", code="unknown-session")

    def summaries(
        self,
        *,
        workspaces: Sequence[Path] | None = None,
        query: str | None = None,
        limit: int | None = None,
    ) -> tuple[SessionSummary, ...]:
        """Return the sessions, newest first.

        With *workspaces* None, those of every folder.  *query* is looked for in titles, ids and
        prompts.
        """
        where, values = ["1"], list[Any]()
        if workspaces is not None:
            where.append(f"workspace IN ({', '.join('?' * len(workspaces))})")
            values += [str(path.resolve()) for path in workspaces]
        if query:
            where.append(
                "(title LIKE ? ESCAPE '\\' OR id LIKE ? ESCAPE '\\' OR agent LIKE ? ESCAPE '\\'"
                " OR EXISTS (SELECT 1 FROM turn WHERE session = session.id"
                " AND prompt LIKE ? ESCAPE '\\'))"
            )
            values += [_like(query)] * 4
        asked = (
            f"SELECT {_SUMMARY} FROM touched JOIN session ON session.id = touched.session"  # noqa: S608  marks only
            f" WHERE {' AND '.join(where)} ORDER BY place DESC LIMIT ?"
        )
        values.append(-1 if limit is None else limit)
        held = [
            row for one in reversed(self._held.values()) for row in one.database.rows(asked, values)
        ]
        try:
            rows = self._database.rows(asked, values)
        except UserError:
            if not held:
                raise
            rows = []  # Whoever began those that are in memory was told.
        rows = [*held, *(row for row in rows if row["id"] not in self._held)]
        return tuple(map(_summary, rows[:limit]))

    def turns(self, session: str) -> tuple[Turn, ...]:
        rows = self._of(session).rows(
            "SELECT * FROM turn WHERE session = ? ORDER BY number", (session,)
        )
        return tuple(map(_turn, rows))

    def events(self, session: str, turn: int | None = None) -> tuple[KeptEvent, ...]:
        """Return what was told, in order; pieces of a text that follow each other are joined."""
        rows = self._of(session).rows(
            "SELECT turn, agent, run_id, kind, body FROM event"
            " WHERE session = ?1 AND (?2 IS NULL OR turn = ?2) ORDER BY turn, id",
            (session, turn),
        )
        return tuple(_joined(rows))

    def edits(self, session: str, turn: int | None = None) -> tuple[KeptEdit, ...]:
        rows = self._of(session).rows(
            "SELECT id, turn, path, old, new, state, run_id FROM edit"
            " WHERE session = ?1 AND (?2 IS NULL OR turn = ?2) ORDER BY id",
            (session, turn),
        )
        return tuple(
            KeptEdit(id_, of_turn, Path(path), old, new, state, run_id)
            for id_, of_turn, path, old, new, state, run_id in map(tuple, rows)
        )

    def history(self, session: str) -> History:
        """Return the messages that the next turn goes on from."""
        rows = self._of(session).rows(
            "SELECT id, endpoint, model, body FROM message"
            " WHERE session = ? AND until IS NULL ORDER BY id",
            (session,),
        )
        found = [(row, message) for row in rows if (message := read(row["body"])) is not None]
        return History(
            tuple(KeptMessage(message, row["endpoint"], row["model"]) for row, message in found),
            tuple(row["id"] for row, _ in found),
            self._partial(session),
        )

    def pictures(self, session: str) -> dict[int, tuple[Image, ...]]:
        """Return the pictures that came with prompts, by turn; compaction does not lose them."""
        rows = self._of(session).rows(
            "SELECT turn, body FROM message WHERE session = ? AND body LIKE '%\"images\"%'"
            " ORDER BY id",
            (session,),
        )
        found: dict[int, tuple[Image, ...]] = {}
        for row in rows:
            message = read(row["body"])
            if isinstance(message, UserMessage) and USER_PROMPT in message.tags:
                found.setdefault(row["turn"], message.images)
        return found

    def _partial(self, session: str) -> str:
        last = self._of(session).rows(
            "SELECT number, run_id, said_until FROM turn WHERE session = ?"
            " ORDER BY number DESC LIMIT 1",
            (session,),
        )
        if not last:
            return ""
        rows = self._of(session).rows(
            "SELECT body FROM event WHERE session = ? AND turn = ? AND id > ? AND run_id = ?"
            " AND kind = 'text' ORDER BY id",
            (session, last[0]["number"], last[0]["said_until"], last[0]["run_id"]),
        )
        return "".join(str(_fields(row["body"]).get("delta", "")) for row in rows)

    # Writing, while a turn runs.

    @_kept_or_held
    def begin(
        self,
        session: str,
        turn: Turn,
        *,
        workspace: Path,
        endpoint: str | None,
        model: str | None,
    ) -> int:
        """Begin a turn, and its session if needed; return the turn's number.

        *endpoint* and *model* are what the user chose.
        """
        with self._of(session).change() as change:
            prompt = redact(turn.prompt)
            change.execute(
                "INSERT INTO session (id, workspace, agent, title, status, started_at, updated_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (
                    *(session, str(workspace.resolve()), turn.agent),
                    *(title_of(prompt) or turn.agent, RUNNING, _now(), _now()),
                ),
            )
            change.execute(
                "UPDATE turn SET status = ? WHERE session = ? AND status = ?",
                (INTERRUPTED, session, RUNNING),
            )
            change.execute(
                "UPDATE session SET turns = turns + 1, agent = ?, endpoint = ?, model = ?,"
                " status = ?, updated_at = ? WHERE id = ?",
                (turn.agent, endpoint, model, RUNNING, _now(), session),
            )
            number: int = change.execute(
                "SELECT turns FROM session WHERE id = ?", (session,)
            ).fetchone()[0]
            change.execute(
                "INSERT INTO turn (session, number, run_id, agent, prompt, params, endpoint,"
                " base_url, model, local, status, started_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(session, number, turn.run_id, turn.agent, prompt),
                    json.dumps(redact_value(dict(turn.params)), default=str),
                    *(turn.endpoint, redact(turn.base_url), turn.model, int(turn.local)),
                    *(RUNNING, turn.started_at),
                ),
            )
            change.execute("DELETE FROM ending WHERE session = ?", (session,))
        return number

    @_kept_or_held
    def write(self, session: str, turn: int, changes: Iterable[Change], rows: list[int]) -> None:
        """Write what happened; *rows* is where the history is kept, and is brought up to date.

        All of it or nothing.  Raises `UserError`.
        """
        database, now = self._of(session), list(rows)
        with _still_there(database, session), database.change() as change:
            for one in changes:
                match one:
                    case AddEvent():
                        body = json.dumps(one.body, ensure_ascii=False, default=str)
                        change.execute(
                            "INSERT INTO event (session, turn, agent, run_id, kind, body)"
                            " VALUES (?, ?, ?, ?, ?, ?)",
                            (session, turn, one.agent, one.run_id, one.kind, body),
                        )
                    case SetHistory():
                        self._set_history(change, session, turn, one, now)
                    case AddEdit():
                        change.execute(
                            "INSERT INTO edit (session, turn, run_id, path, old, new, state)"
                            " VALUES (?, ?, ?, ?, ?, ?, ?)",
                            (
                                *(session, turn, one.run_id, str(one.path)),
                                *(one.old, one.new, one.state),
                            ),
                        )
                    case SetRoute():
                        change.execute(
                            "UPDATE turn SET endpoint = ?, base_url = ?, model = ?, local = ?"
                            " WHERE session = ? AND number = ?",
                            (
                                *(one.endpoint, redact(one.base_url), one.model, int(one.local)),
                                *(session, turn),
                            ),
                        )
        rows[:] = now

    @_kept_or_held
    def finish(self, session: str, turn: int, end: TurnEnd) -> None:
        """Write how a turn ended."""
        with self._of(session).change() as change:
            change.execute(
                "UPDATE turn SET status = ?, stop_reason = ?, error_code = ?, error_message = ?,"
                " duration_ms = ?, input_tokens = ?, output_tokens = ?, cost_usd = ?"
                " WHERE session = ? AND number = ?",
                (
                    *(end.status, end.stop_reason, end.error_code, end.error_message),
                    *(end.duration_ms, end.input_tokens, end.output_tokens, end.cost_usd),
                    *(session, turn),
                ),
            )
            change.execute(
                "UPDATE session SET status = ?, updated_at = ?, input_tokens = input_tokens + ?,"
                " output_tokens = output_tokens + ?,"
                " cost_usd = coalesce(cost_usd, 0) + coalesce(?, 0),"
                " unknown_costs = unknown_costs + ? WHERE id = ?",
                (
                    *(end.status, _now(), end.input_tokens, end.output_tokens, end.cost_usd),
                    *(int(end.cost_usd is None and end.input_tokens > 0), session),
                ),
            )

    def mark_interrupted(self, session: str) -> None:
        """Write that the process of the last turn died.  Only while nobody runs it."""
        with self._of(session).change() as change:
            for table, key in (("turn", "session"), ("session", "id")):
                change.execute(
                    f"UPDATE {table} SET status = ? WHERE {key} = ? AND status = ?",  # noqa: S608  names of ours
                    (INTERRUPTED, session, RUNNING),
                )

    def edited(self, run_id: str, path: Path, state: str) -> None:
        """Write what the user decided on what a run proposed for a file.

        A file of which one hunk is rejected and another applied is one that the run changed.
        """
        for database in (*(one.database for one in self._held.values()), self._database):
            with database.change() as change:
                change.execute(
                    "UPDATE edit SET state = ?1 WHERE run_id = ?2 AND path = ?3 AND"
                    " (state = 'proposed' OR (?1 = 'applied' AND state = 'rejected'))",
                    (state, run_id, str(path)),
                )

    def renamed(self, run_id: str, old: Path, new: Path) -> None:
        """Write the new name of a file with changes of a run, under which they are undone."""
        for database in (*(one.database for one in self._held.values()), self._database):
            with database.change() as change:
                change.execute(
                    "UPDATE edit SET path = ? WHERE run_id = ? AND path = ?",
                    (str(new), run_id, str(old)),
                )

    # Steering.

    def steer(self, session: str, text: str) -> bool:
        """Queue a text for the next step of a running turn; an empty text cancels all of them.

        Returns False if no turn will take the text, because the last one is ending or has ended.
        """
        with self._of(session).change() as change:
            if not text:
                change.execute("DELETE FROM steer WHERE session = ?", (session,))
                return True
            added = change.execute(
                "INSERT INTO steer (session, text) SELECT ?1, ?2 WHERE EXISTS"  # noqa: S608  ours
                f" (SELECT 1 FROM turn WHERE session = ?1 AND {_LISTENS})",
                (session, redact(text)),
            )
            return added.rowcount > 0

    @_kept_or_held
    def keep_steers(self, session: str, texts: Iterable[str]) -> None:
        """Queue what a turn that has ended did not take, for the next one."""
        with self._of(session).change() as change:
            rows = [(session, redact(text)) for text in texts]
            change.executemany("INSERT INTO steer (session, text) VALUES (?, ?)", rows)

    @_kept_or_held
    def take_steers(self, session: str) -> tuple[str, ...]:
        """Return what is queued, and queue it no more."""
        if not self._of(session).rows("SELECT 1 FROM steer WHERE session = ? LIMIT 1", (session,)):
            return ()
        with self._of(session).change() as change:
            return _taken_steers(change, session)

    @_kept_or_held
    def take_last_steers(self, session: str, turn: int) -> tuple[str, ...]:
        """Return what is queued; if nothing is, the turn accepts nothing more from then on.

        Both happen in one transaction, so a steering text is either taken or refused.
        """
        with self._of(session).change() as change:
            if taken := _taken_steers(change, session):
                return taken
            change.execute(
                "INSERT INTO ending (session, turn) VALUES (?, ?)"
                " ON CONFLICT (session) DO UPDATE SET turn = excluded.turn",
                (session, turn),
            )
        return ()

    def listens(self, session: str) -> bool:
        """Whether a turn of it runs and would still take what is said to it."""
        found = self._of(session).rows(
            f"SELECT 1 FROM turn WHERE session = ? AND {_LISTENS}",  # noqa: S608  ours
            (session,),
        )
        return bool(found)

    # What a user does with a session.

    @_kept_or_held
    def rename(self, session: str, title: str) -> None:
        with self._of(session).change() as change:
            change.execute(
                "UPDATE session SET title = ?, named = 1 WHERE id = ?",
                (redact(" ".join(title.split())), session),
            )

    @_kept_or_held
    def fork(self, session: str, turn: int, into: str) -> None:
        """Make a session of the turns before *turn*, as they were then."""
        with self._of(session).change() as change:
            change.execute(
                "INSERT INTO session (id, workspace, agent, title, named, endpoint, model, status,"
                " turns, started_at, updated_at, input_tokens, output_tokens, cost_usd,"
                " forked_from) SELECT ?1, workspace, agent, title, named, endpoint, model,"
                " coalesce((SELECT status FROM turn WHERE session = ?2 AND number = ?3 - 1),"
                " 'completed'), ?3 - 1, ?4, ?4,"
                " (SELECT coalesce(sum(input_tokens), 0) FROM turn WHERE session = ?2"
                " AND number < ?3),"
                " (SELECT coalesce(sum(output_tokens), 0) FROM turn WHERE session = ?2"
                " AND number < ?3),"
                " (SELECT sum(cost_usd) FROM turn WHERE session = ?2 AND number < ?3), ?2"
                " FROM session WHERE id = ?2",
                (into, session, turn, _now()),
            )
            copied = {
                "edit": "turn, run_id, path, old, new, state",
                "turn": "number, run_id, agent, prompt, params, endpoint, base_url, model, local,"
                " status, stop_reason, error_code, error_message, started_at, duration_ms,"
                " input_tokens, output_tokens, cost_usd, undone",
                "event": "turn, agent, run_id, kind, body",
            }
            for table, names in copied.items():
                number = "number" if table == "turn" else "turn"
                order = "number" if table == "turn" else "id"
                change.execute(
                    f"INSERT INTO {table} (session, {names}) SELECT ?, {names} FROM {table}"  # noqa: S608  names of ours
                    f" WHERE session = ? AND {number} < ? ORDER BY {order}",
                    (into, session, turn),
                )
            change.execute(
                "INSERT INTO message (session, turn, until, endpoint, model, body)"
                " SELECT ?1, turn, NULL, endpoint, model, body FROM message"
                " WHERE session = ?2 AND turn < ?3 AND (until IS NULL OR until >= ?3) ORDER BY id",
                (into, session, turn),
            )
            change.execute(
                "UPDATE turn SET said_until = (SELECT coalesce(max(id), 0) FROM event)"
                " WHERE session = ?",
                (into,),
            )
        if (held := self._held.get(session)) is not None:
            rows = _rows_of(held.database, into)
            with held.database.change() as change:
                change.execute("DELETE FROM session WHERE id = ?", (into,))
            self.hold(into, held.why, new=True)
            with self._held[into].database.change() as change:
                _put(change, rows)

    def delete(self, session: str, forget: Forget | None = None) -> tuple[str, ...]:
        """Delete a session for good; give the ids of its runs that no other session has.

        *forget* deletes what else is kept of them, first: where this process dies in between,
        the session is still there to be deleted again.
        """
        runs = self._runs_of_nobody_else((session,))
        if forget is not None:
            forget((session,), runs)
        with self._database.change() as change:
            change.execute("DELETE FROM session WHERE id = ?", (session,))
        self._held.pop(session, None)
        self._database.truncate_log()
        return runs

    def prune(
        self, most: int, runs_now: Callable[[str], bool], forget: Forget | None = None
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Delete all but the newest sessions, and never one that *runs_now*.

        Gives the ids of those that are gone, and of their runs that no other session has, which
        *forget* gets first as in `delete`.
        """
        rows = self._database.rows(
            "SELECT id, status FROM touched JOIN session ON session.id = touched.session"
            " ORDER BY place DESC LIMIT -1 OFFSET ?",
            (most,),
        )
        gone = tuple(
            row["id"] for row in rows if row["status"] != RUNNING or not runs_now(row["id"])
        )
        if not gone:
            return (), ()
        runs = self._runs_of_nobody_else(gone)
        if forget is not None:
            forget(gone, runs)
        with self._database.change() as change:
            change.executemany("DELETE FROM session WHERE id = ?", [(one,) for one in gone])
        self._database.truncate_log()
        return gone, runs

    def _runs_of_nobody_else(self, sessions: Sequence[str]) -> tuple[str, ...]:
        ours = json.dumps(sessions)
        rows = self._database.rows(
            "SELECT DISTINCT run_id FROM turn WHERE session IN (SELECT value FROM json_each(?1))"
            " AND NOT EXISTS (SELECT 1 FROM turn other WHERE other.run_id = turn.run_id"
            " AND other.session NOT IN (SELECT value FROM json_each(?1)))",
            (ours,),
        )
        return tuple(row["run_id"] for row in rows)

    @_kept_or_held
    def mark_undone(self, session: str, turn: int, edits: Iterable[int], *, whole: bool) -> None:
        """Write that these edits of a turn were taken back; *whole*: all that it made."""
        with self._of(session).change() as change:
            change.execute(
                "UPDATE turn SET undone = ? WHERE session = ? AND number = ?",
                (int(whole), session, turn),
            )
            change.execute("UPDATE session SET updated_at = ? WHERE id = ?", (_now(), session))
            change.executemany(
                "UPDATE edit SET state = 'undone' WHERE id = ?", [(edit,) for edit in edits]
            )

    @_kept_or_held
    def replace_history(
        self, session: str, kept: int, added: Sequence[Message], *, endpoint: str, model: str
    ) -> None:
        """Replace the history after its first *kept* messages."""
        rows = list(self.history(session).rows)
        with self._of(session).change() as change:
            turn: int = change.execute(
                "SELECT turns FROM session WHERE id = ?", (session,)
            ).fetchone()[0]
            whole = SetHistory(kept, tuple(added), endpoint, model, said=True)
            self._set_history(change, session, turn, whole, rows)

    def _set_history(
        self,
        change: sqlite3.Connection,
        session: str,
        turn: int,
        now: SetHistory,
        rows: list[int],
    ) -> None:
        gone = rows[now.kept :]
        if gone:
            change.execute(
                "DELETE FROM message WHERE session = ? AND id >= ? AND turn = ? AND until IS NULL",
                (session, gone[0], turn),
            )
            change.execute(
                "UPDATE message SET until = ? WHERE session = ? AND id >= ? AND until IS NULL",
                (turn, session, gone[0]),
            )
            del rows[now.kept :]
        for message in now.added:
            added = change.execute(
                "INSERT INTO message (session, turn, endpoint, model, body) VALUES (?, ?, ?, ?, ?)",
                (session, turn, now.endpoint, now.model, dump(message)),
            )
            rows.append(int(added.lastrowid or 0))
        if now.said:
            change.execute(
                "UPDATE turn SET said_until = coalesce((SELECT max(id) FROM event"
                " WHERE session = ?1 AND turn = ?2), 0) WHERE session = ?1 AND number = ?2",
                (session, turn),
            )


def title_of(prompt: str) -> str:
    """Return a session's title: its first prompt on one line, shortened."""
    line = " ".join(prompt.split())
    return line if len(line) <= _TITLE else f"{line[: _TITLE - 1].rstrip()}…"


def _taken_steers(change: sqlite3.Connection, session: str) -> tuple[str, ...]:
    rows = change.execute(
        "DELETE FROM steer WHERE session = ? RETURNING id, text", (session,)
    ).fetchall()
    return tuple(row["text"] for row in sorted(rows, key=lambda row: row["id"]))


_SHIFTED = ("message", "event", "edit", "steer")
"""Tables with numbers of their own, which another file has given to others."""
_TABLES = ("session", "turn", *_SHIFTED, "ending")


def _rows_of(database: Database, session: str) -> dict[str, list[sqlite3.Row]]:
    """Return all that is kept of a session, by table."""
    return {
        table: database.rows(
            f"SELECT * FROM {table} WHERE {_id_of(table)} = ?"  # noqa: S608  names of ours
            + (" ORDER BY id" if table in _SHIFTED else ""),
            (session,),
        )
        for table in _TABLES
    }


def _put(change: sqlite3.Connection, tables: Mapping[str, Sequence[sqlite3.Row]]) -> None:
    """Write all that was kept of a session into another file."""
    behind = {
        table: change.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0]  # noqa: S608  ours
        for table in _SHIFTED
    }
    for table, rows in tables.items():
        for row in rows:
            values = dict(row)
            if table in behind:
                values["id"] += behind[table]
            if table == "turn" and values["said_until"]:
                values["said_until"] += behind["event"]
            change.execute(
                f"INSERT INTO {table} ({', '.join(values)})"  # noqa: S608  names of ours
                f" VALUES ({', '.join('?' * len(values))})",
                tuple(values.values()),
            )


def _id_of(table: str) -> str:
    return "id" if table == "session" else "session"


@contextmanager
def _still_there(database: Database, session: str) -> Generator[None]:
    """Say so where a session was deleted under a turn that writes to it."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise UserError(
            f"Session {session!r} is no longer in {database.path}: what is said now is not kept.",
            code="session-gone",
        ) from error


def _summary(row: sqlite3.Row) -> SessionSummary:
    *told, unknown_costs, cost_usd = row
    return SessionSummary(*told, cost_usd=None if unknown_costs else cost_usd)


def _turn(row: sqlite3.Row) -> Turn:
    return Turn(
        number=row["number"],
        run_id=row["run_id"],
        agent=row["agent"],
        prompt=row["prompt"],
        params=_fields(row["params"]),
        endpoint=row["endpoint"],
        base_url=row["base_url"],
        model=row["model"],
        local=bool(row["local"]),
        status=row["status"],
        started_at=row["started_at"],
        stop_reason=row["stop_reason"],
        error_code=row["error_code"],
        error_message=row["error_message"],
        duration_ms=row["duration_ms"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        cost_usd=row["cost_usd"],
        undone=bool(row["undone"]),
    )


def _joined(rows: Iterable[sqlite3.Row]) -> Iterable[KeptEvent]:
    pieces: list[str] = []
    held: KeptEvent | None = None
    for row in rows:
        one = _event(row)
        same = held is not None and (held.turn, held.run_id, held.kind) == (
            *(one.turn, one.run_id, one.kind),
        )
        if held is not None and not same:
            yield _with_text(held, pieces)
            held, pieces = None, []
        if one.kind in ("text", "reasoning"):
            held = held or one
            pieces.append(one.body["delta"])
        else:
            yield one
    if held is not None:
        yield _with_text(held, pieces)


def _with_text(event: KeptEvent, pieces: Sequence[str]) -> KeptEvent:
    body = {**event.body, "delta": "".join(pieces)}
    return KeptEvent(event.turn, event.agent, event.run_id, event.kind, body)


def _event(row: sqlite3.Row) -> KeptEvent:
    """Read what was told; where the file is damaged, the conversation says so."""
    kind, body = row["kind"], _fields(row["body"])
    if kind in ("text", "reasoning") and not isinstance(body.get("delta"), str):
        body = {}
    if not body:
        kind, body = "notice", {"level": "warning", "code": "damaged", "message": _UNREADABLE}
    return KeptEvent(row["turn"], row["agent"], row["run_id"], kind, body)


def _fields(text: str) -> dict[str, Any]:
    """Read an object; none of it where the file is damaged there."""
    try:
        return fields(json.loads(text))
    except ValueError:
        return {}


def _like(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
