"""Tells the client what to request again: code lenses, and our lists if it shows them."""

import asyncio
import time

from inhouse.lsp.transport.rpc import EditorRpc

EDITS, RUNS, SESSIONS, AGENTS, ENDPOINTS = "edits", "runs", "sessions", "agents", "endpoints"
_LISTS_EVERY = 0.2
_LENSES_EVERY = 1.0
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
        every = _LENSES_EVERY if self._asked else _UNANSWERED
        wait = max(0.0, self._last + every - time.monotonic())
        self._timer = asyncio.get_running_loop().call_later(wait, self._refresh)

    def _refresh(self) -> None:
        self._timer = None
        self._asked = False
        self._last = time.monotonic()
        if not self._link.outbox.full:
            self._link.ask("workspace/codeLens/refresh", None)


class ListChanges:
    """Sends ``inhouse/changed``, once for changes that happen together."""

    def __init__(self, link: EditorRpc) -> None:
        self._link = link
        self._wanted = "lists" in link.client.draws
        self._changed: dict[str, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def touch(self, *lists: str) -> None:
        """Note that some lists have changed.  Must be called from the event loop."""
        if not self._wanted:
            return
        self._changed |= dict.fromkeys(lists)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_LISTS_EVERY, self._tell)

    def _tell(self) -> None:
        if self._link.outbox.full:
            self._link.outbox.when_room(self._tell)
            return
        self._timer = None
        changed, self._changed = list(self._changed), {}
        if changed:
            self._link.notify("inhouse/changed", {"lists": changed})
