"""Session documents in the editor, which grow during a turn and keep what the user types."""

import asyncio
import logging
import re
from collections.abc import Coroutine
from functools import partial
from pathlib import Path

from attrs import define, frozen

from inhouse import wire
from inhouse.core import positions
from inhouse.core.errors import UserError
from inhouse.core.events import RunEvent, RunFinished
from inhouse.core.files import replace_file
from inhouse.core.json_values import Json
from inhouse.host.host import Plan
from inhouse.host.run_context import Listen
from inhouse.host.session_document import (
    SessionDocument,
    TurnWriter,
    prompt_of,
    session_document,
    written_turn,
)
from inhouse.host.sessions import UNTOLD
from inhouse.lsp.contract.server_capabilities import SESSION_SCHEME
from inhouse.lsp.documents.open_documents import OpenDocument
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.edits.editor_files import APPLY_EDIT, Buffers, apply_edit
from inhouse.lsp.runs.active_runs import ActiveRun, Runs
from inhouse.lsp.sessions.typed_document import Change, TypedDocument, change_for, read_typed
from inhouse.lsp.transport.client import real, to_path
from inhouse.store.sessions import RUNNING, KeptEvent, SessionSummary, Turn
from inhouse.store.state_folders import private
from inhouse.wire import text_range

logger = logging.getLogger(__name__)
FOLDER = "sessions"
_LOOK_EVERY = 1.0
"""Seconds between two checks for changes by other processes to sessions that are open here."""
_HEADING = re.compile(r"(?m)^## \d+ · You$")


@define(eq=False)
class LiveTurn:
    """A turn that is running in this process."""

    run_id: str
    session: str
    writer: TurnWriter
    before: SessionDocument | None = None
    """The turns before it, once it is in the store."""
    turn: Turn | None = None
    is_over: bool = False
    """Whether its end was reported, after which the store has everything, once written."""


@frozen
class Kept:
    """What the store has of a session."""

    summary: SessionSummary
    turns: tuple[Turn, ...]
    document: SessionDocument


@define(eq=False)
class Followed:
    """A document that is shown or was requested."""

    session: str
    shown: str | None = None
    """Our own text in the buffer; the user's text follows it, and may be in it."""
    known: tuple[object, ...] = ()
    """The part of the store that another process would change."""
    kept: Kept | None = None
    sending: bool = False
    """Whether a prompt is being sent, which is still in the place of the next one."""
    told: bool = False
    timer: asyncio.TimerHandle | None = None


class SessionDocuments:
    """Follows the documents that an editor shows, and the runs that extend them."""

    def __init__(self, context: EditorContext, runs: Runs, buffers: Buffers) -> None:
        self._context = context
        self._runs = runs
        self._buffers = buffers
        self._followed: dict[str, Followed] = {}
        self._live: dict[str, LiveTurn] = {}
        self._watching: asyncio.Task[None] | None = None
        self._written: set[str] = set()
        self._writing: dict[str, asyncio.Lock] = {}
        context.host.sessions.turn_written = self._turn_written

    # Locations.

    @property
    def is_virtual(self) -> bool:
        """Whether the client can request the text of virtual documents."""
        return self._context.client.can("workspace.textDocumentContent")

    def uri_of(self, session: str) -> str:
        """Return the URI of a session's document."""
        if self.is_virtual:
            return f"{SESSION_SCHEME}:/{session}.md"
        return self.path_of(session).as_uri()

    def path_of(self, session: str) -> Path:
        return self._context.state_folder / FOLDER / f"{session}.md"

    def session_of(self, uri: str) -> str | None:
        """Return the session whose document this is."""
        scheme, _, name = uri.partition(":/")
        if scheme == SESSION_SCHEME:
            # A client's own view of it has a name behind the id, or a query.
            return re.split(r"[?/]", name, maxsplit=1)[0].removesuffix(".md")
        path = to_path(uri) if "/sessions/" in uri.replace("%2F", "/") else None
        if path is None or path.suffix != ".md":
            return None
        return path.stem if real(path).parent == real(self._folder) else None

    @property
    def _folder(self) -> Path:
        return self._context.state_folder / FOLDER

    def open_one(self, session: str) -> OpenDocument | None:
        """Return the document of a session, as the editor has it open."""
        return self._context.documents.find(self.path_of(session))

    # What the client does.

    def opened(self, uri: str) -> None:
        """The client opened a document: follow it, if it is one of ours."""
        session = self.session_of(uri)
        if session is None:
            return
        followed = self._follow(session)
        followed.shown, followed.told = None, False
        self._spawn(self.bring_up_to_date(session), session)

    def _follow(self, session: str) -> Followed:
        if self._watching is None:
            self._watching = self._context.spawn(self._watch(), name="watching sessions")
        return self._followed.setdefault(session, Followed(session))

    def closed(self, uri: str) -> None:
        """The client closed a document."""
        if (session := self.session_of(uri)) is not None and to_path(uri) is not None:
            self._followed.pop(session, None)

    async def content(self, uri: str) -> str | None:
        """Answer ``workspace/textDocumentContent`` for a session's document."""
        session = self.session_of(uri)
        if session is None:
            return None
        self._follow(session)
        if (growing := self._growing(session)) is not None:
            return growing.read_only
        kept = await self._kept(session)
        return None if kept is None else kept.document.read_only

    async def write(self, session: str) -> str:
        """Write a session's document where the client can find it; return its URI."""
        if not self.is_virtual:
            await self.bring_up_to_date(session)
        return self.uri_of(session)

    async def typed(self, session: str, text: str) -> tuple[Kept, TypedDocument | None] | None:
        """Return what is kept of a session, and the user's version of its document."""
        kept = await self._kept(session)
        if kept is None:
            return None
        return kept, read_typed(self._growing(session) or kept.document, text)

    def writing(self, session: str) -> asyncio.Lock:
        """Return the lock for writing or sending a session's document."""
        return self._writing.setdefault(session, asyncio.Lock())

    def followed(self, session: str) -> Followed:
        """Return what is known of an open document."""
        return self._followed.setdefault(session, Followed(session))

    def forget(self, session: str) -> None:
        """Stop writing the document of a deleted session."""
        self._followed.pop(session, None)

    async def aclose(self) -> None:
        """Remove documents from disk if no session is to be kept there."""
        if self._context.host.world.settings.sessions_on_disk == 0:
            for session in self._written:
                await asyncio.to_thread(self.path_of(session).unlink, missing_ok=True)

    async def replace(self, session: str, start: int, end: int, new: str, *, old: str) -> None:
        """Replace a piece of an open document that is still *old*; the caller holds `writing`."""
        document = self.open_one(session)
        if document is not None and document.text[start:end] == old:
            await self._apply(document, Change(start, end, new))

    # What runs do.

    def begin(self, run: ActiveRun, plan: Plan) -> Listen:
        """Begin a turn in this process; return its listener."""
        session = plan.request.session or ""
        live = LiveTurn(run.id, session, TurnWriter(run.id, *self._context.host.named_roots))
        self._live[session] = live
        return partial(self._add, live)

    def _add(self, live: LiveTurn, event: RunEvent) -> None:
        session, payload = live.session, event.payload
        if isinstance(payload, RunFinished) and event.run_id == live.run_id:
            if not live.is_over:  # It never was a turn of a session.
                live.is_over = True
                self._spawn(self._end(live), session)
            return
        if not isinstance(payload, UNTOLD) and (body := wire.payload(payload)) is not None:
            kind = str(body.pop("kind"))
            live.writer.add(KeptEvent(0, event.agent, event.run_id, kind, body))
        followed = self._followed.get(session)
        if followed is not None and followed.timer is None:
            loop = asyncio.get_running_loop()
            followed.timer = loop.call_later(self._runs.display_every, self._tell, followed)

    async def _turn_written(self, session: str, run_id: str) -> None:
        """The store has all of a turn, and nobody knows yet that it is over.

        A document on disk is as it will stay before anybody does; a buffer is its client's.
        """
        live = self._live.get(session)
        if live is None or live.is_over or live.run_id != run_id:
            return
        live.is_over = True
        if self.is_virtual or self.open_one(session) is not None:
            self._spawn(self._end(live), session)
        else:
            await _or_logged(self._end(live))

    async def _end(self, live: LiveTurn) -> None:
        """The store has all of the turn: from now on it is read from there."""
        session = live.session
        await self._context.host.sessions.written(session)
        if self._live.get(session) is live:
            del self._live[session]
        followed = self._followed.get(session)
        if live.turn is None:
            await self._look_back(live)
        if followed is not None:
            followed.sending = False
            if live.turn is None:  # It never began, so what was sent is still the user's text.
                followed.shown = None
        if followed is not None or await asyncio.to_thread(self.path_of(session).exists):
            await self.bring_up_to_date(session)

    def _tell(self, followed: Followed) -> None:
        followed.timer = None
        self._spawn(self.bring_up_to_date(followed.session), followed.session)

    async def _watch(self) -> None:
        """Check what other processes did to sessions whose documents are open here."""
        store = self._context.host.sessions.store
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            for session, followed in list(self._followed.items()):
                if session in self._live:
                    continue
                try:
                    known = await asyncio.to_thread(store.find, session)
                except UserError:  # It says so to whoever opens the session.
                    continue
                if known is not None and followed.known != _state(known):
                    await _or_logged(self.bring_up_to_date(session))

    # Writing.

    async def bring_up_to_date(self, session: str) -> None:
        """Bring a document up to date: virtual, in the editor's buffer, or on disk."""
        async with self.writing(session):
            followed = self._followed.get(session) or Followed(session)
            live = self._live.get(session)
            if live is not None and live.before is None:
                await self._look_back(live)
            now = self._growing(session)
            if now is None:
                kept = await self._kept(session)
                if kept is None or followed.sending:
                    return
                followed.known = _state(kept.summary)
                now = kept.document
            document = self.open_one(session)
            if self.is_virtual and document is None:
                self._refresh(session)
            elif document is None:
                followed.shown = None
                self._written.add(session)
                await asyncio.to_thread(_write, self.path_of(session), now.text)
            else:
                await self._grow(followed, document, now)

    async def _grow(self, followed: Followed, document: OpenDocument, now: SessionDocument) -> None:
        text, wanted = document.text, now.text
        if followed.shown is None:
            typed = read_typed(now, text)
            if typed is not None and typed.prompts is not None:
                followed.shown = wanted  # As it was written, except for the user's changes.
                return
            followed.shown = text[: _end_of_ours(text)]
        if followed.shown == wanted:
            return
        change = change_for(text, followed.shown, wanted)
        if change is None:
            typed = read_typed(now, text)
            if typed is not None and typed.prompts is not None:
                followed.shown = wanted
            elif not followed.told:
                followed.told = True
                message = (
                    f"The document of session {followed.session} was changed where the agent "
                    "writes, so it no longer updates.  Undo the change, or open it again."
                )
                self._context.rpc.notify("window/showMessage", {"type": 2, "message": message})
            return
        if await self._apply(document, change):
            followed.shown, followed.told, followed.sending = wanted, False, False

    async def _apply(self, document: OpenDocument, change: Change) -> bool:
        rpc, text = self._context.rpc, document.text
        if not rpc.client.can(APPLY_EDIT):
            return False
        where = text_range(positions.range_at(text, change.start, change.end))
        edits = [{"range": where, "newText": change.new}]
        if rpc.client.can("workspace.workspaceEdit.documentChanges"):
            versioned = {"uri": document.uri, "version": document.version}
            edit: Json = {"documentChanges": [{"textDocument": versioned, "edits": edits}]}
        else:
            edit = {"changes": {document.uri: edits}}
        problem = await apply_edit(rpc, "Inhouse: session", edit)
        if problem is not None:
            return False  # The user is typing, and the next change will contain this one.
        if document.path is not None:
            whole = text[: change.start] + change.new + text[change.end :]
            await self._buffers.settle(document.path, whole)
        return True

    def _refresh(self, session: str) -> None:
        outbox = self._context.rpc.outbox
        if outbox.full:
            outbox.when_room(lambda: self._refresh(session))
        else:
            uri = self.uri_of(session)
            self._context.rpc.ask("workspace/textDocumentContent/refresh", {"uri": uri})

    def _growing(self, session: str) -> SessionDocument | None:
        """Return the document with the running turn; None if the store has everything."""
        live = self._live.get(session)
        if live is None or live.is_over or live.turn is None or live.before is None:
            return None
        return _with(live.before, live.turn, live.writer.text())

    async def _look_back(self, live: LiveTurn) -> None:
        """Read the turns before the running one, once it is in the store."""
        kept = await self._kept(live.session)
        if kept is not None and kept.turns and kept.turns[-1].run_id == live.run_id:
            document = kept.document
            live.before = SessionDocument(document.fixed[:-1], document.prompts[:-1])
            live.turn = kept.turns[-1]

    async def _kept(self, session: str) -> Kept | None:
        """Read a session, unless the known version is current."""
        await self._context.host.sessions.written(session)
        store, followed = self._context.host.sessions.store, self._followed.get(session)
        roots = self._context.host.named_roots
        before = followed.kept if followed is not None else None

        def read() -> Kept | None:
            known = store.find(session)
            if known is None:
                return None
            if before is not None and known == before.summary and known.status != RUNNING:
                return before
            turns = store.turns(session)
            document = session_document(known, turns, store.events(session), roots)
            return Kept(known, turns, document)

        kept = await asyncio.to_thread(read)
        if followed is not None:
            followed.kept = kept
        return kept

    def _spawn(self, work: Coroutine[object, object, None], name: str) -> None:
        self._context.spawn(_or_logged(work), name=f"document of {name}")


async def _or_logged(work: Coroutine[object, object, None]) -> None:
    """Bring a document up to date that nobody asked for just now."""
    try:
        await work
    except UserError as error:
        logger.warning("%s", error)


def _with(before: SessionDocument, turn: Turn, text: str) -> SessionDocument:
    """Return a document with one more turn, whose text so far is *text*."""
    written = written_turn(turn.agent, before.next_turn, text)
    return SessionDocument((*before.fixed, written), (*before.prompts, prompt_of(turn)))


def _state(known: SessionSummary) -> tuple[object, ...]:
    return known.turns, known.status == RUNNING, known.title, known.updated_at


def _end_of_ours(text: str) -> int:
    """Find where the user's text begins: after the last prompt heading."""
    found = [match.end() for match in _HEADING.finditer(text)]
    if not found:
        return len(text)
    end = found[-1]
    while text[end : end + 1] == "\n" and end - found[-1] < len("\n\n"):
        end += 1
    return end


def _write(path: Path, text: str) -> None:
    """Write a document, all of it or nothing; what the user left under its last heading stays.

    Raises `UserError`.
    """
    try:
        before = path.read_text("utf-8", errors="replace")
    except OSError:
        before = ""
    draft = before[_end_of_ours(before) :].strip() if _HEADING.search(before) else ""
    draft = f"{draft}\n" if draft else ""
    content = (text + draft).encode("utf-8", errors="replace")
    try:
        replace_file(private(path.parent) / path.name, content, prefix=f".{path.stem}-")
    except OSError as error:
        raise UserError(
            f"The session's document {path} cannot be written: {error.strerror}.  Make its folder "
            "writable and see that its disk has space, or set INHOUSE_HOME to another folder.",
            code="document",
        ) from error
