"""A run as a readable document, in any editor."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from inhouse.core.errors import UserError
from inhouse.core.events import RunEvent, RunFinished
from inhouse.host.host import Plan
from inhouse.lsp.capabilities import TRANSCRIPT_SCHEME
from inhouse.lsp.client import to_uri
from inhouse.lsp.markdown import Writer, header
from inhouse.lsp.runs import Run
from inhouse.lsp.showing import show_document
from inhouse.lsp.tail import Tail

if TYPE_CHECKING:
    from inhouse.lsp.session import Session

_AT_MOST_EVERY = 0.1


class Transcripts:
    """The transcripts of this session's runs."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._all: dict[str, Transcript] = {}

    def begin(self, run: Run, plan: Plan, *, show: bool | None) -> "Transcript":
        """Start the transcript of a run; open it where that is wanted."""
        transcript = Transcript(self._session, run, plan)
        self._all[run.id] = transcript
        wanted = self._session.host.world.settings.show_transcript if show is None else show
        if wanted:
            self._session.spawn(transcript.open(focus=False), name=f"transcript of {run.id}")
        return transcript

    def show(self, run_id: str | None) -> str:
        """Show a transcript; give its URI at once."""
        if run_id is None:
            run_id = next(reversed(self._all), "")
        run = self._session.runs.get(run_id)
        transcript = self._all.get(run.id if run is not None else run_id)
        if transcript is None:
            known = ", ".join(list(self._all)[-5:]) or "none yet"
            raise UserError(f"No run {run_id!r} in this session.  Runs: {known}")
        self._session.spawn(transcript.open(focus=True), name=f"transcript of {run_id}")
        return transcript.uri

    def content(self, uri: str) -> str | None:
        """Answer ``workspace/textDocumentContent``."""
        for transcript in self._all.values():
            if transcript.virtual_uri == uri:
                transcript.read = True
                return transcript.text
        return None


class Transcript:
    """The document of one run: virtual where the client can, else a file that grows."""

    def __init__(self, session: "Session", run: Run, plan: Plan) -> None:
        self._session = session
        self._run = run
        self._writer = Writer(run.id, header(run, plan))
        self._virtual = session.client.can("workspace.textDocumentContent")
        self._timer: asyncio.TimerHandle | None = None
        self._tail: Tail | None = None
        self.read = False
        """The client has asked for the text: it wants to hear of more."""

    @property
    def text(self) -> str:
        return self._writer.text

    @property
    def virtual_uri(self) -> str:
        return f"{TRANSCRIPT_SCHEME}:/{self._run.id}.md"

    @property
    def path(self) -> Path:
        return self._session.state_folder / "transcripts" / f"{self._run.id}.md"

    @property
    def uri(self) -> str:
        return self.virtual_uri if self._virtual else to_uri(self.path)

    def add(self, event: RunEvent) -> None:
        self._writer.add(event)
        if (self.read or self._tail is not None) and self._timer is None:
            loop = asyncio.get_running_loop()
            wait = 0.0 if isinstance(event.happening, RunFinished) else _AT_MOST_EVERY
            self._timer = loop.call_later(wait, self._tell)

    async def open(self, *, focus: bool) -> None:
        if self._virtual:
            self.read = True
        elif self._tail is None:
            self._tail = Tail(self._session, self.path, self._writer)
            await self._tail.grow()
        await show_document(self._session.link, self.uri, focus=focus)

    def _tell(self) -> None:
        self._timer = None
        if self._tail is not None:
            self._session.spawn(self._tail.grow(), name=f"transcript of {self._run.id}")
        elif not self._session.link.outbox.full:
            self._session.link.ask("workspace/textDocumentContent/refresh", {"uri": self.uri})
        else:
            self._session.link.outbox.when_room(self._tell)
