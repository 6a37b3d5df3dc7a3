"""Work-done progress: one begin and one end, whatever happens."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from attrs import frozen

from inhouse.lsp.contract.arguments import Token
from inhouse.lsp.transport.rpc import EditorRpc

DISPLAY_EVERY = 0.1
"""Seconds between two displays at least: an eye follows no more."""
_PATIENCE = 3.0
"""Seconds for the client to answer ``window/workDoneProgress/create``."""


@frozen
class _End:
    message: str


class WorkDone:
    """One bar of progress in the editor."""

    def __init__(
        self,
        link: EditorRpc,
        token: Token,
        *,
        title: str,
        describe: Callable[[], str],
        cancellable: bool = True,
        every: Callable[[], float] = lambda: DISPLAY_EVERY,
    ) -> None:
        self.token = token
        self._link = link
        self._title = title
        self._describe = describe
        self._cancellable = cancellable
        self._every = every
        self._state = "created"
        self._end: _End | None = None
        self._changed = False
        self._reported = 0.0
        self._timer: asyncio.TimerHandle | None = None

    async def create(self) -> None:
        """Ask the client to create a progress bar if necessary, then begin."""
        if not self._link.client.can("window.workDoneProgress"):
            self.begin()
            return
        try:
            await self._link.request(
                "window/workDoneProgress/create", {"token": self.token}, seconds=_PATIENCE
            )
        except TimeoutError:
            pass
        except Exception:  # noqa: BLE001  LSP: no progress on a token that was refused
            self._state = "refused"
            return
        self.begin()

    def begin(self) -> None:
        if self._state != "created":
            return
        self._state = "open"
        self._send({"kind": "begin", "title": self._title, "cancellable": self._cancellable})
        if self._end is not None:
            self.end(self._end.message)
        elif self._changed:
            self.report()

    def report(self) -> None:
        """Show what the run is doing, not more often than an eye can follow."""
        self._changed = True
        if self._state != "open" or self._timer is not None:
            return
        wait = self._reported + self._every() - time.monotonic()
        if wait <= 0:
            self._report()
        else:
            self._timer = asyncio.get_running_loop().call_later(wait, self._report)

    def end(self, message: str) -> None:
        if self._state == "created":
            self._end = _End(message)
        elif self._state == "open":
            self._state = "ended"
            if self._timer is not None:
                self._timer.cancel()
            self._send({"kind": "end", "message": message})

    def _report(self) -> None:
        self._timer = None
        if self._state != "open":
            return
        self._reported = time.monotonic()
        if self._link.outbox.full:  # An editor that does not read needs no reports.
            return
        self._send(
            {"kind": "report", "message": self._describe(), "cancellable": self._cancellable}
        )

    def _send(self, value: dict[str, Any]) -> None:
        self._link.notify("$/progress", {"token": self.token, "value": value})
