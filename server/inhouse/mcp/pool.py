"""All servers of a process: one for each command and environment, whoever asks for it."""

import asyncio

from attrs import define, field

from .config import Server
from .connection import Connection


@define(eq=False)
class ServerPool:
    """Starts nothing before it is asked to.  Close it with `aclose`."""

    _connections: dict[tuple[str, str], Connection] = field(
        factory=dict[tuple[str, str], Connection]
    )

    def connection(self, server: Server, *, surroundings: str) -> Connection:
        """Return the connection to a server.

        Runs share a server only if their *surroundings* (folder, privacy) are equal.
        """
        key = (server.identity, surroundings)
        if key not in self._connections:
            self._connections[key] = Connection(server)
        return self._connections[key]

    async def aclose(self) -> None:
        """End every server."""
        connections = list(self._connections.values())
        self._connections.clear()
        await asyncio.gather(*(each.aclose() for each in connections))
