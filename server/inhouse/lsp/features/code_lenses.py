"""Code lenses: what works here now, and what waits for a decision."""

import asyncio
import time
from typing import TYPE_CHECKING, Any

from inhouse.core.text import Position, Range
from inhouse.lsp.documents.diagnostics import lsp_range
from inhouse.lsp.runs.active_runs import ActiveRun
from inhouse.lsp.transport.rpc import EditorRpc

if TYPE_CHECKING:
    from inhouse.lsp.documents.open_documents import OpenDocument
    from inhouse.lsp.session import Session

_AT_MOST_EVERY = 1.0
_UNANSWERED = 5.0
"""VS Code puts off asking with each refresh, the longer the slower the machine is: until it has
asked, the next one waits this long, or it would never ask."""


class Refresher:
    """Asks the client to ask for lenses again, once a second at most."""

    def __init__(self, link: EditorRpc) -> None:
        self._link = link
        self._wanted = link.client.can("workspace.codeLens.refreshSupport")
        self._last = 0.0
        self._asked = True
        self._timer: asyncio.TimerHandle | None = None

    def asked(self) -> None:
        """The client has asked for lenses: it may hear of new ones."""
        self._asked = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self.touch()

    def touch(self) -> None:
        if not self._wanted or self._timer is not None:
            return
        every = _AT_MOST_EVERY if self._asked else _UNANSWERED
        wait = max(0.0, self._last + every - time.monotonic())
        self._timer = asyncio.get_running_loop().call_later(wait, self._refresh)

    def _refresh(self) -> None:
        self._timer = None
        self._asked = False
        self._last = time.monotonic()
        if not self._link.outbox.full:
            self._link.ask("workspace/codeLens/refresh", None)


def lenses(session: "Session", document: "OpenDocument") -> list[dict[str, Any]]:
    """Give every lens of a document."""
    session.refresher.asked()
    return [
        *(
            lens
            for run in session.runs.running
            if run.uri == document.uri
            for lens in _progress(run)
        ),
        *session.review.lenses(document),
        *(
            lens(_line_of(comment.range), f"Run {comment.agent}", "inhouse.run", argument)
            for comment, argument in session.prompts.at(document)
        ),
    ]


def lens(where: Range, title: str, command: str, *arguments: Any) -> dict[str, Any]:
    """Make LSP's `CodeLens`."""
    return {
        "range": lsp_range(where),
        "command": {"title": title, "command": command, "arguments": list(arguments)},
    }


def _line_of(where: Range) -> Range:
    return Range(where.start, where.start)


def _progress(run: ActiveRun) -> list[dict[str, Any]]:
    line = run.request.range.start.line if run.request.range is not None else 0
    where = Range(Position(line, 0), Position(line, 0))
    state = f"{run.request.agent}: {run.doing} · {run.elapsed:.0f} s"
    if run.tokens:
        state += f" · {run.tokens} tokens"
        state += f" · {speed}/s" if (speed := round(run.tokens_per_second)) else ""
    return [
        lens(where, state, "inhouse.transcript", {"runId": run.id}),
        lens(where, "Cancel", "inhouse.cancel", {"runId": run.id}),
    ]
