"""What a connection to a server needs from the host, which alone may grant it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from attrs import frozen

from .config import Server

if TYPE_CHECKING:
    import httpx2


@frozen
class Program:
    """A started server, with pipes for its input and output."""

    process: asyncio.subprocess.Process
    end: Callable[[], Awaitable[None]]
    """Ends it and everything it started."""


@frozen
class Remote:
    """A server that may be contacted, through the network room."""

    client: "httpx2.AsyncClient"
    end: Callable[[], Awaitable[None]]


Opened = Program | Remote

Open = Callable[[Server], Awaitable[Opened]]
"""Starts a program, or grants access to a host.  May ask the user; raises `InhouseError` if they
or the settings refuse."""
SESSION_HEADERS = (
    *("mcp-session-id", "mcp-protocol-version", "mcp-method", "mcp-name", "last-event-id"),
    "cache-control",
)
"""Headers of the protocol itself, besides those of HTTP."""
