"""Decides when the client is told to request code lenses again."""

import asyncio
import time

from inhouse.lsp.transport.rpc import EditorRpc

_AT_MOST_EVERY = 1.0
_UNANSWERED = 5.0
"""VS Code postpones its request with each refresh, longer on a slower machine: until it has
asked, the next refresh waits this long, or it would never ask."""


class Refresher:
    """Tells the client to request lenses again, at most once a second."""

    def __init__(self, link: EditorRpc) -> None:
        self._link = link
        self._wanted = link.client.can("workspace.codeLens.refreshSupport")
        self._last = 0.0
        self._asked = True
        self._timer: asyncio.TimerHandle | None = None

    def asked(self) -> None:
        """Note that the client has asked for lenses, so that it may be told of new ones."""
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
