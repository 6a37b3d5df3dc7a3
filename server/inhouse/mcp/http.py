"""Messages over HTTP, through a client of the host's: streamable HTTP, and the older SSE."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

from .config import RemoteServer

MOST_EVENT = 16 << 20
"""Bytes of one message."""


def full_url(server: RemoteServer) -> str:
    """Give the URL with the server's parameters."""
    return str(httpx2.URL(server.url).copy_merge_params(dict(server.params)))


@asynccontextmanager
async def http_streams(server: RemoteServer, client: httpx2.AsyncClient) -> AsyncGenerator[Any]:
    """Speak with a server until the block is left; the client stays open."""
    client.headers.update(server.headers)
    url = full_url(server)
    if server.sse:
        async with sse_client(url, httpx_client_factory=_given(client)) as streams:
            yield streams
    else:
        async with streamable_http_client(
            url, http_client=client, max_sse_event_size=MOST_EVENT
        ) as streams:
            yield streams


def _given(client: httpx2.AsyncClient) -> Any:
    """Give what the SDK takes for a maker of clients: ours, which is made and closed elsewhere."""

    @asynccontextmanager
    async def same(**_: Any) -> AsyncGenerator[httpx2.AsyncClient]:
        yield client

    return same
