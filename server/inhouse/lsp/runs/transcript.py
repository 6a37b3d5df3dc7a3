"""A run as a readable document, in any editor."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from attrs import evolve

from inhouse.core.call_sentences import place_of
from inhouse.core.errors import InhouseError, UserError
from inhouse.core.events import RunEvent, RunFinished, RunResult, RunStatus
from inhouse.host.host import Plan
from inhouse.lsp.contract.server_capabilities import TRANSCRIPT_SCHEME
from inhouse.lsp.documents.show_document import show_document
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.edits.editor_files import Buffers
from inhouse.lsp.runs.active_runs import ActiveRun, Runs
from inhouse.lsp.runs.transcript_file import Tail
from inhouse.lsp.runs.transcript_markdown import Writer, header
from inhouse.lsp.transport.client import real, to_path
from inhouse.store.transcripts import KeptRun, TranscriptStore

_UNREAD = 5.0
"""Seconds between two refreshes to a client that does not ask for the text: nobody sees it."""
_KEPT_EVERY = 2.0
"""Seconds between two saves, which a crash can cost a transcript."""
_FOLDER = "transcripts"

logger = logging.getLogger(__name__)


class Transcripts:
    """The transcripts of this server's runs and of earlier ones."""

    def __init__(self, context: EditorContext, runs: Runs, buffers: Buffers) -> None:
        self._context = context
        self._runs = runs
        self._buffers = buffers
        self._all: dict[str, Transcript] = {}
        """Those that are not yet in the store in their final form."""
        self._own: dict[str, None] = {}
        """The runs of this server, newest last."""

    def begin(self, run: ActiveRun, plan: Plan, *, show: bool | None) -> "Transcript":
        """Start the transcript of a run; open it if requested."""
        transcript = Transcript(
            self._context,
            self._buffers,
            run,
            plan,
            every=lambda: self._runs.display_every,
            released=lambda: self._all.pop(run.id, None),
        )
        self._all[run.id] = transcript
        self._own[run.id] = None
        wanted = self._context.host.world.settings.show_transcript if show is None else show
        if wanted:
            self._context.spawn(transcript.open(focus=False), name=f"transcript of {run.id}")
        return transcript

    async def show(self, run_id: str | None) -> str:
        """Show a transcript; return its URI without waiting for the editor.  Raises `UserError`."""
        if run_id is None:
            run_id = next(reversed(self._own), "") or await self._newest_kept()
        run = self._runs.get(run_id)
        transcript = self._all.get(run.id if run is not None else run_id)
        if transcript is None:
            return await self._show_kept(run.id if run is not None else run_id)
        self._context.spawn(transcript.open(focus=True), name=f"transcript of {run_id}")
        return transcript.uri

    async def content(self, uri: str) -> str | None:
        """Answer ``workspace/textDocumentContent``."""
        for transcript in self._all.values():
            if transcript.virtual_uri == uri:
                return transcript.asked()
        scheme, _, name = uri.partition(":/")
        if scheme != TRANSCRIPT_SCHEME:
            return None
        return await asyncio.to_thread(self._store.text, name.removesuffix(".md"))

    def writes(self, uri: str) -> bool:
        """Return whether a document is a transcript."""
        if uri.startswith(f"{TRANSCRIPT_SCHEME}:"):
            return True
        path = to_path(uri) if uri.endswith(".md") else None
        return path is not None and real(path.parent) == real(path_of(self._context, "").parent)

    async def earlier(self, limit: int | None = None) -> list[KeptRun]:
        """Return the runs of other servers in this workspace, newest first."""
        most = None if limit is None else limit + len(self._own)
        kept = await asyncio.to_thread(self._store.runs, self._context.host.roots, most)
        others = [run for run in kept if run.run_id not in self._own]
        if all(run.status is not RunStatus.FAILED for run in others):
            return others
        at_work = await self._context.host.sessions.runs_at_work()  # Kept as failed until they end.
        return [
            evolve(run, status=RunStatus.RUNNING) if run.run_id in at_work else run
            for run in others
        ]

    async def forget(self, run_ids: Sequence[str]) -> None:
        """Drop the transcripts of runs whose session was deleted."""
        for run_id in run_ids:
            self._own.pop(run_id, None)
            if (transcript := self._all.pop(run_id, None)) is not None:
                await transcript.forget()

    async def aclose(self) -> None:
        """Wait until the transcripts of all runs are saved."""
        keeping = (each.keep() for each in self._all.values())
        for problem in await asyncio.gather(*keeping, return_exceptions=True):
            if isinstance(problem, Exception):
                logger.error("keeping a transcript broke: %s", type(problem).__name__)

    @property
    def _store(self) -> TranscriptStore:
        return self._context.host.services.transcripts

    async def _newest_kept(self) -> str:
        return next((run.run_id for run in await self.earlier(1)), "")

    async def _show_kept(self, run_id: str) -> str:
        text = await asyncio.to_thread(self._store.text, run_id)
        if text is None:
            earlier = [run.run_id for run in await self.earlier(5)]
            known = ", ".join([*earlier[::-1], *self._own][-5:]) or "none yet"
            raise UserError(f"There is no transcript of run {run_id!r}.  Runs: {known}")
        if self._context.client.can("workspace.textDocumentContent"):
            uri = virtual_uri(run_id)
        elif self._context.documents.find(path := path_of(self._context, run_id)) is None:
            uri = await self._context.write_state(_FOLDER, path.name, text)
        else:
            uri = path.as_uri()
        showing = show_document(self._context.rpc, uri, focus=True)
        self._context.spawn(showing, name=f"transcript of {run_id}")
        return uri


class Transcript:
    """The document of one run: virtual if the client supports it, else a file that grows."""

    def __init__(
        self,
        context: EditorContext,
        buffers: Buffers,
        run: ActiveRun,
        plan: Plan,
        *,
        every: Callable[[], float],
        released: Callable[[], object],
    ) -> None:
        """*every* returns the seconds between two updates of the document.

        *released* is called when the store has all of it.
        """
        self._context = context
        self._every = every
        self._released = released
        self._buffers = buffers
        self._run = run
        self._virtual = context.client.can("workspace.textDocumentContent")
        # Many kinds of editors open our files; not all of them understand fragments.
        self._writer = Writer(run.id, header(run, plan), self._link, lines=self._virtual)
        self._timer: asyncio.TimerHandle | None = None
        self._told = 0.0
        self._tail: Tail | None = None
        self._keeping: asyncio.TimerHandle | None = None
        self._kept = asyncio.Lock()
        self._behind = False
        self._gone = False
        self._result: RunResult | None = None
        self._read = False
        """Whether the client has asked for the text and wants updates."""
        self._unread = False
        """Whether a refresh was asked for and the text was not requested since."""

    @property
    def text(self) -> str:
        return self._writer.text

    def asked(self) -> str:
        """Return the text to the client, which wants updates from now on."""
        self._read, self._unread = True, False
        if self._timer is not None:  # Another document of the run, or a file, waits for it too.
            self._timer.cancel()
            self._tell_later(self._every())
        return self.text

    async def forget(self) -> None:
        """Stop writing it anywhere."""
        for timer in (self._keeping, self._timer):
            if timer is not None:
                timer.cancel()
        async with self._kept:
            self._gone = True
        if self._tail is not None:
            await self._tail.stop()

    @property
    def virtual_uri(self) -> str:
        return virtual_uri(self._run.id)

    @property
    def path(self) -> Path:
        return path_of(self._context, self._run.id)

    @property
    def uri(self) -> str:
        return self.virtual_uri if self._virtual else self.path.as_uri()

    def add(self, event: RunEvent) -> None:
        self._writer.add(event)
        loop = asyncio.get_running_loop()
        over = isinstance(event.payload, RunFinished) and event.run_id == self._run.id
        if isinstance(event.payload, RunFinished) and over:
            self._result = event.payload.result
        if (self._read or self._tail is not None) and (over or self._timer is None):
            if self._timer is not None:
                self._timer.cancel()
            self._tell_later(0.0 if over else _UNREAD if self._unread else self._every())
        self._behind = True
        if over and self._keeping is not None:
            self._keeping.cancel()
            self._keeping = None
        if self._keeping is None:
            self._keeping = loop.call_later(0.0 if over else _KEPT_EVERY, self._keep_soon)

    async def open(self, *, focus: bool) -> None:
        if self._virtual:
            self._read = True
        elif self._tail is None:
            self._tail = Tail(self._context, self._buffers, self.path, self._writer)
            await self._tail.grow()
        await show_document(self._context.rpc, self.uri, focus=focus)

    async def keep(self) -> None:
        """Save the current text, so that it can be read after this server has ended.

        Never waits for the editor.
        """
        host = self._context.host
        async with self._kept:
            if not self._behind or self._gone:
                return
            self._behind = False
            most = host.world.settings.kept_transcripts
            keep = host.services.transcripts.keep
            try:
                result = self._result or host.book.result(self._run.id)
                await asyncio.to_thread(
                    keep, result, self.text, workspace=host.main_root, most=most
                )
            except InhouseError as error:
                logger.warning("the transcript of %s is not kept: %s", self._run.id, error)
                return
            if self._result is not None and most > 0:
                if self._tail is None:
                    self._release(self._result)
                else:
                    ending = self._end(self._tail, self._result)
                    self._context.spawn(ending, name=f"transcript of {self._run.id}")

    async def _end(self, tail: Tail, result: RunResult) -> None:
        """Show the end of a finished run; until then, whoever deletes the file stops its tail."""
        try:
            await tail.grow()
            await tail.stop()
        finally:
            self._release(result)

    def _release(self, result: RunResult) -> None:
        """Drop the text of a finished run, which is now read from the store."""
        self._released()
        at = self.text.find(result.text)
        if result.text and at >= 0:
            self._context.host.book.release_text(self._run.id, (at, at + len(result.text)))

    def _link(self, path: str) -> str | None:
        """Return the URI of a path that a tool named, if it is in the workspace."""
        roots = self._context.host.named_roots
        file = place_of(path, roots)
        inside = any(file.is_relative_to(root) for root in roots)
        return self._context.documents.uri_of(file) if inside else None

    def _keep_soon(self) -> None:
        self._keeping = None
        self._context.spawn(self.keep(), name=f"keeping {self._run.id}")

    def _tell_later(self, every: float) -> None:
        wait = max(0.0, self._told + every - time.monotonic())
        self._timer = asyncio.get_running_loop().call_later(wait, self._tell)

    def _tell(self) -> None:
        self._timer = None
        self._told = time.monotonic()
        if self._tail is not None:
            self._context.spawn(self._tail.grow(), name=f"transcript of {self._run.id}")
        elif not self._context.rpc.outbox.full:
            self._unread = True
            self._context.rpc.ask("workspace/textDocumentContent/refresh", {"uri": self.uri})
        else:
            self._context.rpc.outbox.when_room(self._tell)


def virtual_uri(run_id: str) -> str:
    return f"{TRANSCRIPT_SCHEME}:/{run_id}.md"


def path_of(context: EditorContext, run_id: str) -> Path:
    return context.state_folder / _FOLDER / f"{run_id}.md"
