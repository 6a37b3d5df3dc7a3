"""Sessions: conversations that continue, in this process and beside other processes."""

import asyncio
import contextlib
import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeGuard, TypeVar

from attrs import evolve, frozen

from inhouse import wire
from inhouse.core.errors import InhouseError, RefusedError, UserError
from inhouse.core.events import (
    EditState,
    Notice,
    RunEvent,
    RunFinished,
    RunResult,
    RunStarted,
    RunStatus,
    Steered,
    TextDelta,
    ToolOutput,
    UsageReported,
)
from inhouse.core.messages import AssistantMessage, Message, without_private
from inhouse.core.ports import Edit, EditOutcome, Emit
from inhouse.core.request import RunRequest
from inhouse.core.route import Route
from inhouse.core.unicode import clean_text
from inhouse.store.database import UNUSABLE, Database
from inhouse.store.sessions import (
    INTERRUPTED,
    LAYOUT,
    RUNNING,
    AddEdit,
    AddEvent,
    Change,
    History,
    SessionStore,
    SessionSummary,
    SetHistory,
    SetRoute,
    Turn,
    TurnEnd,
)

if TYPE_CHECKING:
    from filelock import BaseFileLock

    from inhouse.loop import RunState

    from .record_writer import RecordKeeper
    from .run_plan import Plan
    from .services import Services
    from .workspace_snapshot import WorkspaceSnapshot

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

_EVERY_S = 0.2
"""Seconds between two writes while a turn runs, which is what a crash can lose."""
_PATIENCE_S = 0.3
"""How long to wait for a lock that a reader may hold."""
_LONGEST_END_S = 10.0
"""How long another process may take to write the end of a finished turn."""
_NOT_RUNNING = "not-running"
_LOCKS = "session-locks"
COMPACT = "/compact"
"""The prompt shown for a turn that only compacted the conversation."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
UNTOLD = (ToolOutput, UsageReported, RunStarted, RunFinished)
"""Payloads that a conversation does not show, or that are kept elsewhere."""


def new_session_id() -> str:
    """Return an id that no other session has, short enough to type."""
    return f"s-{secrets.token_hex(4)}"


@frozen
class Steering:
    """What became of a steering text for a running session."""

    session: str
    run_id: str
    queued: bool
    """False if what was queued has been cancelled."""


class SessionsHost(Protocol):
    """What sessions need to know of their host."""

    services: "Services"
    records: "RecordKeeper"
    world: "WorkspaceSnapshot"
    roots: tuple[Path, ...]

    @property
    def main_root(self) -> Path:
        """The first folder; the user's home where none is open."""
        ...


class Sessions:
    """The conversations of one host: their store, running turns, and turns of other processes."""

    def __init__(self, host: SessionsHost) -> None:
        self.host = host
        self._folder = host.services.folders.state
        self._database = Database(self._folder, LAYOUT)
        self._on_disk = SessionStore(self._database)
        self._fleeting = SessionStore(Database(None, LAYOUT))
        self._live: dict[str, SessionTurn] = {}
        self._closing: dict[str, asyncio.Task[None]] = {}
        self._emptied = False
        self.made: set[str] = set()
        """Ids that this process gave, and under which nothing is on disk yet, readable or not."""
        self._told_damage: set[str] = set()
        self.told_in_memory: set[str] = set()
        """Sessions whose user has heard that they are not kept on disk."""
        self.turn_written: Callable[[str, str], Awaitable[None]] = _nobody_waits
        """What a door does when all of a session's turn (its id, that of its run) is written,
        before its end is told.  Must wait for nothing but the disk."""

    @property
    def store(self) -> SessionStore:
        """Where sessions are kept: on disk, or in memory if the user wants none kept."""
        kept = self.host.world.settings.sessions_on_disk
        return self._on_disk if kept > 0 else self._fleeting

    def new_id(self) -> str:
        """Return the id of a session that begins."""
        session = new_session_id()
        self.made.add(session)
        return session

    # Looking.

    async def summaries(
        self, *, everywhere: bool = False, query: str | None = None, limit: int | None = None
    ) -> tuple[SessionSummary, ...]:
        """Return the sessions of this workspace, newest first, each with its true status."""
        roots = None if everywhere else self.host.roots or (self.host.main_root,)
        found = await asyncio.to_thread(
            self.store.summaries, workspaces=roots, query=query, limit=limit
        )
        return tuple([await self._checked(one) for one in found])

    async def named(self, session: str) -> SessionSummary:
        """Return a session by its id or a prefix of it.  Raises `UserError`."""
        return await self._checked(await asyncio.to_thread(self.store.named, session))

    async def newest(self) -> SessionSummary:
        """Return the most recently used session of this workspace.  Raises `UserError`."""
        found = await self.summaries(limit=1)
        if not found:
            raise UserError(
                "There is no session in this workspace yet.  `inhouse run AGENT …` starts one.",
                code="unknown-session",
            )
        return found[0]

    async def runs_at_work(self) -> frozenset[str]:
        """Return the runs that work on sessions of this workspace now, in whatever process.

        Returns an empty set where the sessions' file cannot be read.
        """
        try:
            at_work = [one.id for one in await self.summaries() if one.status == RUNNING]
            turns = [await asyncio.to_thread(self.store.turns, one) for one in at_work]
        except InhouseError:
            return frozenset()
        return frozenset(of_one[-1].run_id for of_one in turns if of_one)

    async def _checked(self, summary: SessionSummary) -> SessionSummary:
        """Find out whether a session marked as running still is."""
        if summary.status != RUNNING or summary.id in self._live:
            return summary
        if summary.id in self._closing:  # Its end was reported and is being written.
            await self.written(summary.id)
            return await asyncio.to_thread(self.store.named, summary.id)
        try:
            lock = await asyncio.to_thread(self._try_lock, summary.id)
        except UserError:  # Nobody can tell, where nothing can be written.
            return summary
        if lock is None:
            return summary
        try:
            await asyncio.to_thread(_quietly, self.store.mark_interrupted, summary.id)
        finally:
            await asyncio.to_thread(lock.release)
        return evolve(summary, status=INTERRUPTED)

    def running(self, session: str) -> "SessionTurn | None":
        """Return its turn that runs in this process and still accepts steering."""
        turn = self._live.get(session)
        return turn if turn is not None and turn.listens else None

    async def runs_elsewhere(self, session: str) -> bool:
        """Whether another process runs a turn of it."""
        ours = session in self._live or session in self._closing or self.store is self._fleeting
        if ours or self.store.held(session) is not None:
            return False
        try:
            return await asyncio.to_thread(self._runs_now, session)
        except UserError:
            return False

    async def steer_elsewhere(self, session: str, text: str) -> "Steering | None":
        """Steer a turn that another process runs; return None if it has just ended.

        Raises `UserError`.
        """
        try:
            return await self.steer(session, text)
        except UserError as error:
            if error.code != _NOT_RUNNING:
                raise
            return None

    # Before a run.

    async def resolve(self, request: RunRequest) -> RunRequest:
        """Fill in what a continued session knows: its agent and what was chosen for it.

        Raises `UserError` if there is no such session and no agent to begin one.
        """
        if request.session is None:
            return request
        check_id(request.session)
        try:
            known = await asyncio.to_thread(self.store.find, request.session)
        except UserError:
            if request.session in self.made and request.agent:
                return request
            raise
        if known is None and not request.agent:
            known = await asyncio.to_thread(self.store.named, request.session)
        if known is None:
            return request
        chosen = request.endpoint is not None or request.model is not None
        return evolve(
            request,
            session=known.id,
            agent=request.agent or known.agent,
            endpoint=request.endpoint if chosen else known.endpoint,
            model=request.model if chosen else known.model,
        )

    async def steer(self, session: str, text: str) -> Steering:
        """Queue *text* for the next step of a running session; an empty one cancels the queue.

        Raises `UserError` if it does not run.
        """
        text, live = clean_text(text), self.running(session)
        if live is None:
            known = await self.named(session)
            session, live = known.id, self.running(known.id)
            if live is None and (known.status != RUNNING or session in self._live):
                raise _not_running(session, known.status)
        if live is not None:
            live.steer(text)
            return Steering(session, live.run_id, queued=bool(text))
        if not await asyncio.to_thread(self.store.steer, session, text):
            raise _not_running(session, "its turn is just ending")
        last = (await asyncio.to_thread(self.store.turns, session))[-1]
        return Steering(session, last.run_id, queued=bool(text))

    # One turn.

    def begin(self, plan: "Plan", state: "RunState", tell: Emit) -> "SessionTurn":
        """Take a turn of a session on: nobody else in this process may begin another one."""
        session = plan.request.session or self.new_id()
        turn = SessionTurn(self, session, plan, state=state, tell=tell)
        if session not in self._live:
            self._live[session] = turn
        return turn

    async def take(self, turn: "SessionTurn") -> "BaseFileLock | None":
        """Lock a session for one turn.  Raises `RefusedError` if another process runs it."""
        session = turn.session
        while (other := self._live.setdefault(session, turn)) is not turn:
            if other.listens:
                raise _busy(session)
            await other.over.wait()
        await self.written(session)
        if turn.store is self._fleeting:
            if not self._emptied:
                await asyncio.to_thread(self._empty)
            self._emptied = True
            return None
        try:
            return await self._locked(turn)
        except UserError as error:
            if error.code != UNUSABLE:
                raise
            new = session in self.made
            if turn.store.held(session) is None:
                await asyncio.to_thread(turn.store.hold, session, str(error), new=new)
            return None

    async def _locked(self, turn: "SessionTurn") -> "BaseFileLock":
        """Take the lock of a session, and see that what is kept of it can be read.

        Raises `RefusedError` where somebody else runs it, `UserError` where the disk says no.
        """
        session, began = turn.session, monotonic()
        while True:
            lock = await asyncio.to_thread(self._try_lock, session)
            if lock is not None:
                try:
                    await asyncio.to_thread(turn.store.find, session)
                except UserError:
                    await asyncio.to_thread(lock.release)
                    raise
                return lock
            waited = monotonic() - began
            if waited > _LONGEST_END_S or (
                waited > _PATIENCE_S and await asyncio.to_thread(turn.store.listens, session)
            ):
                raise _busy(session)
            await asyncio.sleep(0.02)

    def ended(self, turn: "SessionTurn", closing: asyncio.Task[None]) -> None:
        """Forget a turn; the next one, and `aclose`, wait for what it still writes."""
        turn.over.set()
        if self._live.get(turn.session) is turn:
            del self._live[turn.session]
            self._closing[turn.session] = closing
            closing.add_done_callback(lambda _: self._closed(turn.session, closing))

    def edited(self, run_id: str, path: Path, state: str) -> None:
        """Record what the user decided about an edit of a run, even after the run."""
        self._record(self.store.edited, run_id, path, state)

    def renamed(self, run_id: str, old: Path, new: Path) -> None:
        """Record that a file that a run changed has another name now."""
        self._record(self.store.renamed, run_id, old, new)

    def _record(self, write: Callable[P, None], *given: P.args, **named: P.kwargs) -> None:
        task = asyncio.ensure_future(asyncio.to_thread(_quietly, write, *given, **named))
        self._closing[f"edit {id(task)}"] = task
        task.add_done_callback(lambda _: self._closing.pop(f"edit {id(task)}", None))

    async def aclose(self) -> None:
        """Wait for what is being written, and close the store."""
        await asyncio.gather(*self._closing.values(), return_exceptions=True)
        for session in self._on_disk.all_held:
            await asyncio.to_thread(self._take_back, session)
        await asyncio.to_thread(self._database.close)

    def _take_back(self, session: str) -> None:
        """Write a session that is in memory to the disk, if that works by now.  Blocks."""
        try:
            lock = self._try_lock(session)
        except UserError:
            return
        if lock is not None:
            try:
                self.kept_again(self._on_disk, session)
            finally:
                lock.release()

    def untold_damage(self) -> tuple[str, ...]:
        """Return what the user has not heard yet of files that were damaged."""
        known = (*self.host.services.database.messages, *self._database.messages)
        untold = tuple(message for message in known if message not in self._told_damage)
        self._told_damage.update(untold)
        return untold

    def kept_again(self, store: SessionStore, session: str) -> None:
        """Put a session that is in memory on disk, if that works by now and nobody else has it.

        Only for who has its lock.  Blocks.
        """
        if store.held(session) is not None:
            with contextlib.suppress(UserError):  # As before: that was told.
                store.take_back(session)

    # What a user does with a session.

    async def written(self, session: str) -> None:
        """Wait until a finished turn has written everything."""
        if (closing := self._closing.get(session)) is not None:
            await asyncio.wait([closing])

    async def rename(self, session: str, title: str) -> SessionSummary:
        """Rename a session.  Raises `UserError`."""
        title = clean_text(title)
        if not title.strip():
            raise UserError("A session's title must not be empty.")
        known = await self.named(session)
        await asyncio.to_thread(self.store.rename, known.id, title)
        return await self.named(known.id)

    async def fork(self, session: str, turn: int) -> str:
        """Start a new session with the turns before *turn*; return its id.

        Raises `UserError`.
        """
        known = await self.named(session)
        if not 1 <= turn <= known.turns + 1:
            raise UserError(
                f"Session {known.id!r} has no turn {turn} to fork at.  Turns: 1 to {known.turns}, "
                f"or {known.turns + 1} for all of it."
            )
        into = new_session_id()  # What it is made of is kept, so it is none of `made`.
        await asyncio.to_thread(self.store.fork, known.id, turn, into)
        return into

    async def compaction(
        self,
        session: str,
        *,
        agent: str = "",
        endpoint: str | None = None,
        model: str | None = None,
    ) -> RunRequest:
        """Return the request of a run that makes a session's history smaller.

        The session's own agent, endpoint and model do it, unless others are named.  Raises
        `UserError`.
        """
        known = await self.named(session)
        if known.status == RUNNING:
            raise UserError(f"Session {known.id!r} is running.  Wait until its turn ends.")
        if not known.turns:
            raise UserError(f"Session {known.id!r} has no turn yet: there is nothing to compact.")
        request = RunRequest(
            agent, COMPACT, session=known.id, compact=True, endpoint=endpoint, model=model
        )
        return await self.resolve(request)

    async def runs_of(self, session: str) -> tuple[str, ...]:
        """Return the ids of a session's runs."""
        turns = await asyncio.to_thread(self.store.turns, session)
        return tuple(turn.run_id for turn in turns)

    async def delete(self, session: str) -> str:
        """Delete a session and everything kept of its runs; return its id.

        Raises `UserError`, also if the session is running.
        """
        known = await self.named(session)
        if known.status == RUNNING:
            raise UserError(f"Session {known.id!r} is running.  Cancel it, then delete it.")
        await self.written(known.id)
        await self.host.records.written()
        lock = await asyncio.to_thread(self._try_lock, known.id)
        if lock is None:
            raise UserError(f"Session {known.id!r} is running.  Cancel it, then delete it.")
        try:
            await asyncio.to_thread(self.kept_again, self.store, known.id)  # With all its runs.
            await asyncio.to_thread(self.store.delete, known.id, self._forget)
        finally:
            await asyncio.to_thread(lock.release)
        await asyncio.to_thread(self._forget_lock, known.id)
        return known.id

    def prune(self, most: int) -> None:
        """Delete all but the newest sessions, and what else is kept of them.  Blocks."""
        gone, _ = self._on_disk.prune(most, self._runs_now, self._forget)
        for session in gone:
            self._forget_lock(session)

    def _empty(self) -> None:
        """Keep no session on disk, nor a damaged file that was set aside.  Blocks."""
        path = self._database.path
        for file in path.parent.glob(f"{path.name}.broken-*"):
            with contextlib.suppress(OSError):
                file.unlink()
        if path.exists():
            _quietly(self.prune, 0)

    def _runs_now(self, session: str) -> bool:
        if session in self._live:
            return True
        lock = self._try_lock(session)
        if lock is not None:
            lock.release()
        return lock is None

    def _forget(self, sessions: Sequence[str], runs: Sequence[str]) -> None:
        """Delete what is kept of sessions outside of their own store.  Raises `UserError`."""
        services = self.host.services
        services.transcripts.delete(runs)
        services.replays.delete(runs)
        files = [self._folder / "sessions" / f"{session}.md" for session in sessions]
        files += [self._folder / "transcripts" / f"{run}.md" for run in runs]
        for file in files:
            try:
                file.unlink(missing_ok=True)
            except OSError as error:
                raise UserError(
                    f"{file} cannot be deleted: {error.strerror}.  Make its folder writable, then "
                    "delete the session again.",
                    code=UNUSABLE,
                ) from error
        services.database.truncate_log()

    def _forget_lock(self, session: str) -> None:
        with contextlib.suppress(OSError):
            self._lock_path(session).unlink(missing_ok=True)

    def _closed(self, session: str, closing: asyncio.Task[None]) -> None:
        if self._closing.get(session) is closing:
            del self._closing[session]

    def _lock_path(self, session: str) -> Path:
        return self._folder / _LOCKS / f"{session}.lock"

    def _try_lock(self, session: str) -> "BaseFileLock | None":
        """Take the lock that dies with this process; None where somebody has it.

        Raises `UserError` where no lock can be made.
        """
        import filelock  # noqa: PLC0415  3 MB that an idle server saves

        path = self._lock_path(session)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = filelock.FileLock(path, blocking=False, mode=0o600, thread_local=False)
            lock.acquire()
        except filelock.Timeout:
            return None
        except (OSError, NotImplementedError) as error:
            why = getattr(error, "strerror", None) or error
            raise UserError(
                f"{path.parent} cannot be used: {why}.  Make it writable and see that its disk has "
                "space, or set INHOUSE_HOME to another folder.",
                code=UNUSABLE,
            ) from error
        return lock


def check_turn(known: SessionSummary, turn: int) -> None:
    """Check that a session has a turn of this number.  Raises `UserError`."""
    if not 1 <= turn <= known.turns:
        turns = f"Turns: 1 to {known.turns}." if known.turns else "It has no turn yet."
        raise UserError(f"Session {known.id!r} has no turn {turn}.  {turns}")


def check_id(session: str) -> None:
    """Raise `UserError` if a text cannot be a session's id."""
    if not _ID.fullmatch(session):
        raise UserError(
            f"{session!r} cannot be a session: an id has 1 to 80 letters, digits, '.', '_', '-'."
        )


class SessionTurn:
    """One turn of a session while it runs: receives events and writes them soon."""

    def __init__(
        self,
        sessions: Sessions,
        session: str,
        plan: "Plan",
        *,
        state: "RunState",
        tell: Emit,
    ) -> None:
        self.store = sessions.store
        self.session = session
        self.run_id = state.run_id
        self.tell = tell
        self.number = 0
        self.history: tuple[Message, ...] = ()
        """The earlier messages, made acceptable to every server."""
        self.attach: Callable[[str], Awaitable[str]] | None = None
        """Returns what a text of the user names (`inhouse.host.named_context`)."""
        self.idle_s: float | None = None
        """Seconds since the previous turn ended."""
        self.listens = not plan.request.compact
        """Whether the turn still accepts steering."""
        self.over = asyncio.Event()
        self._sessions = sessions
        self._plan = plan
        self._state = state
        self._route: Route = plan.route
        self._lock: BaseFileLock | None = None
        self._pending: list[Change] = []
        self._pieces: list[str] = []
        """Further pieces of the last pending event's text."""
        self._growing: str | None = None
        """The run whose answer that text is, if it is one."""
        self._rows: list[int] = []
        self._messages: tuple[Message, ...] = ()
        self._timer: asyncio.TimerHandle | None = None
        self._writing = asyncio.Lock()
        self._said: list[str] = []
        self._lost = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Lock the session and read its `history`.

        Raises `RefusedError` if another process runs it.
        """
        self._lock = await self._sessions.take(self)
        history = await asyncio.to_thread(self._begin)
        self.history = self._messages = tuple(
            one.message
            if (one.endpoint, one.model) == self._origin
            else without_private(one.message)
            for one in history.messages
        )

    def observe(self, event: RunEvent) -> None:
        """Record an event of this run or of its sub-agents.  Must not block."""
        if self._growing == event.run_id and type(event.payload) is TextDelta:  # nearly every one
            self._pieces.append(event.payload.text)
            return
        own = event.run_id == self.run_id
        self._look_at_history()
        payload = event.payload
        if own and isinstance(payload, RunStarted):
            self._route = route = payload.route
            asyncio.get_running_loop().call_soon(self._tell_where)
            self._add(SetRoute(route.endpoint, route.base_url, route.model, route.local))
        if not isinstance(payload, UNTOLD) and (body := wire.payload(payload)) is not None:
            self._add(AddEvent(event.agent, event.run_id, str(body.pop("kind")), body))

    def edited(self, run_id: str, edit: Edit, outcome: EditOutcome) -> None:
        """Keep a file's text before and after a change, so that the turn can be undone."""
        if outcome.state is not EditState.REJECTED:
            new = edit.new if outcome.taken is None else outcome.taken
            self._add(AddEdit(run_id, edit.path, edit.old, new, outcome.state.value))

    def steer(self, text: str) -> None:
        """Queue a text for the next step; an empty text cancels what is queued."""
        self._said = [*self._said, text] if text else []
        self.tell(Steered(text, "queued" if text else "withdrawn"))

    async def steers(self, ends: bool) -> Sequence[str]:  # noqa: FBT001  as the loop's port has it
        """Return what the user has said in the meantime, here and in other processes.

        With *ends*, the turn is over unless there is something, and then accepts nothing more.
        """
        last = ends and not self._said
        if last:
            self.listens = False
            elsewhere = await asyncio.to_thread(
                _quietly, self.store.take_last_steers, self.session, self.number
            )
            self.listens = bool(elsewhere)
        else:
            elsewhere = await asyncio.to_thread(_quietly, self.store.take_steers, self.session)
        texts, self._said = (*(elsewhere or ()), *self._said), []
        for text in texts:
            self.tell(Steered(text, "delivered"))
        if self.attach is None:
            return texts
        named = [await self.attach(text) for text in texts]
        return [
            f"{text}\n\n{more}" if more else text for text, more in zip(texts, named, strict=True)
        ]

    async def close(self, result: RunResult) -> None:
        """End the turn: write the rest and give the lock back, also when cancelled meanwhile."""
        self.listens = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._said and result.status is RunStatus.CANCELLED:
            self.steer("")
        if self.number:
            if not self._state.messages:  # It ended before the model was asked.
                from inhouse.loop.prompts import user_message  # noqa: PLC0415  with the loop

                request = self._plan.request
                said = user_message(request.prompt or None, request.params or None, request.images)
                said = None if request.compact else said
                self._state.messages = (*self._messages, *((said,) if said else ()))
            self._look_at_history()
        closing = asyncio.create_task(self._close(result), name=f"session {self.session}")
        self._sessions.ended(self, closing)
        await _to_the_end(asyncio.create_task(self._shown(closing), name=f"end {self.run_id}"))

    async def _shown(self, closing: asyncio.Task[None]) -> None:
        try:
            await closing
        finally:
            await self._sessions.turn_written(self.session, self.run_id)

    @property
    def _origin(self) -> tuple[str, str]:
        return f"{self._route.endpoint} {self._route.base_url}", self._route.model

    def _tell_where(self) -> None:
        """Say once that the session is not kept on disk, and once that it is again.

        Also what became of a damaged file.
        """
        for damage in self._sessions.untold_damage():
            self.tell(Notice("warning", "damaged", damage))
        told = self._sessions.told_in_memory
        why = self.store.held(self.session)
        if why is not None and self.session not in told:
            told.add(self.session)
            message = (
                f"This conversation is not kept on disk: {why}  "
                "It goes on in memory as long as this Inhouse runs."
            )
            self.tell(Notice("warning", "not-kept", message))
        elif why is None and self.session in told:
            told.discard(self.session)
            self.tell(Notice("info", "kept-again", "This conversation is kept on disk again."))

    def _begin(self) -> History:
        plan, route = self._plan, self._plan.route
        if self._lock is not None:
            self._sessions.kept_again(self.store, self.session)
        known = self.store.find(self.session)
        history = History((), ()) if known is None else _continued(self.store, self.session)
        if known is not None and known.turns:
            with contextlib.suppress(ValueError, TypeError):  # A damaged file was saved.
                ended = datetime.fromisoformat(known.updated_at)
                self.idle_s = max(0.0, (datetime.now(UTC) - ended).total_seconds())
        request = plan.request
        turn = Turn(
            number=0,
            run_id=self.run_id,
            agent=plan.agent.id,
            prompt=request.prompt,
            params=request.params,
            endpoint=route.endpoint,
            base_url=route.base_url,
            model=route.model,
            local=route.local,
            status=RUNNING,
            started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        )
        self.number = self.store.begin(
            self.session,
            turn,
            workspace=self._sessions.host.main_root,
            endpoint=request.endpoint,
            model=request.model,
        )
        self._sessions.made.discard(self.session)
        self._rows = list(history.rows)
        return history

    def _look_at_history(self) -> None:
        now = self._state.messages
        if now is self._messages or not now or not self.number:
            return
        kept = _common(self._messages, now)
        added = now[kept:]
        if kept < len(self._messages) or added:
            said = any(isinstance(one, AssistantMessage) for one in added)
            self._add(SetHistory(kept, added, *self._origin, said=said))
        self._messages = now

    def _add(self, change: Change) -> None:
        if self._pending and _goes_on(change, self._pending[-1]):
            self._pieces.append(change.body["delta"])
        else:
            self._join()
            self._pending.append(change)
            is_event = isinstance(change, AddEvent)
            self._growing = change.run_id if is_event and change.kind == "text" else None
        if self._timer is None and self.number:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(_EVERY_S, self._write_soon)

    def _join(self) -> None:
        """Join the last event's text with the pieces that continued it."""
        if self._pieces and isinstance(last := self._pending[-1], AddEvent):
            whole = "".join((last.body["delta"], *self._pieces))
            self._pending[-1] = evolve(last, body={"delta": whole})
        self._pieces.clear()

    def _write_soon(self) -> None:
        self._timer = None
        self._look_at_history()
        task = asyncio.create_task(self._write(), name=f"writing {self.session}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _write(self) -> None:
        async with self._writing:
            if not self._pending:
                return
            self._join()
            changes, self._pending, self._growing = self._pending, [], None
            try:
                await asyncio.to_thread(
                    self.store.write, self.session, self.number, changes, self._rows
                )
            except InhouseError as error:
                self._pending = [*changes, *self._pending]  # For the next try.
                self._tell_lost(error)
        self._tell_where()

    def _tell_lost(self, error: InhouseError) -> None:
        """Say once that what is said now is kept nowhere yet."""
        if not self._lost:
            self._lost = True
            self.tell(Notice("warning", "not-kept", f"This turn is not kept yet: {error}"))

    async def _close(self, result: RunResult) -> None:
        try:
            if self.number:
                await self._write()
                if self._said:
                    await asyncio.to_thread(
                        _quietly, self.store.keep_steers, self.session, self._said
                    )
                await asyncio.to_thread(
                    _quietly, self.store.finish, self.session, self.number, _end(result)
                )
                if self._lock is not None:
                    await asyncio.to_thread(self._sessions.kept_again, self.store, self.session)
                self._tell_where()
                await self._write()
        finally:
            if self._lock is not None:
                await asyncio.to_thread(self._lock.release)
                most = self._sessions.host.world.settings.sessions_on_disk
                if most and self.store.held(self.session) is None:
                    await asyncio.to_thread(_quietly, self._sessions.prune, most)


async def _to_the_end(work: asyncio.Future[None]) -> None:
    """Wait until *work* is done, and only then obey whoever cancels.  Its failure is logged."""
    cancelled = False
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError:
            cancelled = True
    if not work.cancelled() and (error := work.exception()) is not None:
        logger.error("the end of a turn was not written", exc_info=error)
    if cancelled:
        raise asyncio.CancelledError


async def _nobody_waits(_session: str, _run: str) -> None:
    """Stand in where no door shows sessions."""


def _continued(store: SessionStore, session: str) -> History:
    """Return a session's history, after permanently closing what its last turn left open."""
    from inhouse.loop.history import answered, closed  # noqa: PLC0415  with the loop

    history = store.history(session)
    if not history.messages and not history.partial:
        return history
    raw = tuple(one.message for one in history.messages)
    whole = answered(closed(raw))
    if history.partial and not _says(whole, history.partial):
        whole = (*whole, AssistantMessage(history.partial))
    if whole == raw:
        return history
    last = history.messages[-1] if history.messages else None
    same = _common(raw, whole)
    store.replace_history(
        session,
        same,
        whole[same:],
        endpoint=last.endpoint if last else "",
        model=last.model if last else "",
    )
    return store.history(session)


def _end(result: RunResult) -> TurnEnd:
    usage = result.usage
    return TurnEnd(
        status=result.status.value if result.status is not RunStatus.RUNNING else INTERRUPTED,
        duration_ms=result.duration_ms,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost_usd=usage.cost_usd,
        stop_reason=result.stop_reason.value if result.stop_reason else None,
        error_code=result.error.code if result.error else None,
        error_message=result.error.message if result.error else None,
    )


def _goes_on(change: Change, last: Change) -> TypeGuard[AddEvent]:
    """Return whether a change continues the last one's text."""
    return (
        isinstance(last, AddEvent)
        and isinstance(change, AddEvent)
        and change.kind in ("text", "reasoning")
        and (change.kind, change.run_id) == (last.kind, last.run_id)
    )


def _common(before: Sequence[Message], now: Sequence[Message]) -> int:
    """Count the messages at the beginning that are the same."""
    most = min(len(before), len(now))
    for index in range(most):
        if before[index] is not now[index] and before[index] != now[index]:
            return index
    return most


def _says(messages: Sequence[Message], text: str) -> bool:
    last = messages[-1] if messages else None
    return isinstance(last, AssistantMessage) and last.text == text


def _quietly(write: Callable[P, T], *given: P.args, **named: P.kwargs) -> T | None:
    """Write; if the disk fails, the run continues and the log says why."""
    try:
        return write(*given, **named)
    except InhouseError as error:
        logger.warning("a session is not kept: %s", error)
        return None


def _not_running(session: str, why: str) -> UserError:
    return UserError(
        f"Session {session!r} is not running ({why}).  Send the text as its next prompt.",
        code=_NOT_RUNNING,
    )


def _busy(session: str) -> RefusedError:
    return RefusedError(
        f"Session {session!r} is running already.",
        "Steer it, cancel it, or wait until its turn ends.",
        code="session-busy",
    )
