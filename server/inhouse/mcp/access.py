"""What a connection to a server needs of the host, which alone may grant it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from attrs import frozen

from .config import Server

if TYPE_CHECKING:
    import httpx2


@frozen
class Program:
    """A server that was started, with pipes for all that it reads and says."""

    process: asyncio.subprocess.Process
    end: Callable[[], Awaitable[None]]
    """Ends it with everything it started."""


@frozen
class Remote:
    """A server that may be talked to, through the one door to the network."""

    client: "httpx2.AsyncClient"
    end: Callable[[], Awaitable[None]]


Opened = Program | Remote

Open = Callable[[Server], Awaitable[Opened]]
"""Starts a program, or says who may be talked to.  May ask the user, and raises `InhouseError`
where they or the settings say no."""
SESSION_HEADERS = (
    *("mcp-session-id", "mcp-protocol-version", "mcp-method", "mcp-name", "last-event-id"),
    "cache-control",
)
"""What the protocol itself sends beside what HTTP needs."""
