"""Tells a client that shows our lists which of them to request again."""

import asyncio

from inhouse.lsp.transport.rpc import EditorRpc

EDITS, RUNS, SESSIONS, AGENTS, ENDPOINTS = "edits", "runs", "sessions", "agents", "endpoints"
_AT_MOST_EVERY = 0.2


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
            self._timer = asyncio.get_running_loop().call_later(_AT_MOST_EVERY, self._tell)

    def _tell(self) -> None:
        if self._link.outbox.full:
            self._link.outbox.when_room(self._tell)
            return
        self._timer = None
        changed, self._changed = list(self._changed), {}
        if changed:
            self._link.notify("inhouse/changed", {"lists": changed})
