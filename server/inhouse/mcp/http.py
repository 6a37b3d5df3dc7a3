"""Messages over HTTP, through the host's client: streamable HTTP, and the older SSE."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx2
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

from .config import RemoteServer

if TYPE_CHECKING:
    from .stdio import Speech

MOST_EVENT = 16 << 20
"""Bytes of one message."""


def full_url(server: RemoteServer) -> str:
    """Return the URL with the server's parameters."""
    return str(httpx2.URL(server.url).copy_merge_params(dict(server.params)))


@asynccontextmanager
async def http_streams(
    server: RemoteServer, client: httpx2.AsyncClient, speech: "Speech"
) -> AsyncGenerator[Any]:
    """Speak with a server until the block is left; the client stays open.

    A server's refusal is stored in *speech*, since the SDK does not report the status.
    """
    began = False

    async def heard(response: httpx2.Response) -> None:
        nonlocal began
        asked = response.request.method == ("GET" if server.sse else "POST")
        if asked:
            refused = response.status_code >= HTTPStatus.BAD_REQUEST
            speech.status = response.status_code
            speech.fault = _refusal(response.status_code, began=began) if refused else ""
            began = began or not refused

    client.headers.update(server.headers)
    client.event_hooks = {"response": [heard]}
    url = full_url(server)
    if server.sse:
        async with sse_client(url, httpx_client_factory=_given(client)) as streams:
            yield streams
    else:
        async with streamable_http_client(
            url, http_client=client, max_sse_event_size=MOST_EVENT
        ) as streams:
            yield streams


def _refusal(status: int, *, began: bool) -> str:
    phrase = {one.value: one.phrase for one in HTTPStatus}.get(status, "")
    told = f"it answered {status} {phrase}".strip()
    match status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return (
                f"{told}: it needs a sign-in, and Inhouse does not sign in through a browser "
                "(OAuth).  Create a token at the service, put it into a variable, and write "
                '`Authorization: "Bearer $TOKEN"` into the `headers` of this server'
            )
        case HTTPStatus.NOT_FOUND | HTTPStatus.METHOD_NOT_ALLOWED if not began:
            return f"{told}: there is no MCP server here.  Correct `url`, or `type` (http or sse)"
        case _:
            return told


def _given(client: httpx2.AsyncClient) -> Any:
    """Yield a client factory for the SDK that gives ours, which is made and closed elsewhere."""

    @asynccontextmanager
    async def same(**_: object) -> AsyncGenerator[httpx2.AsyncClient]:
        yield client

    return same
