"""Bytes of a response → parsed events: server-sent events or lines of JSON, with time limits.

The decoder is httpx2's; this adds half characters at a piece's end, a last event without its
blank line, and the two time limits, which count events, not bytes: a drip of pings is silence.
"""

import asyncio
import codecs
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar, cast

import httpx2
import jiter
from attrs import define, field

from inhouse.core.errors import ProviderError
from inhouse.core.route import Endpoint
from inhouse.providers.endpoints import endpoint_errors
from inhouse.providers.endpoints.endpoint_errors import ModelRef
from inhouse.providers.network.connection import EgressConnection

_Response = TypeVar("_Response")

LONGEST_EVENT = 16 * 1024 * 1024
AFTER_FINISH_SECONDS = 2.0
"""How long to wait for usage and ``[DONE]`` once the model has finished."""
AFTER_DONE_SECONDS = 0.25
"""How long to wait for the body's end after ``[DONE]``, so that what came is counted whole."""


@define(eq=False)
class StreamDeadline:
    """The connection an answer comes over, and until when it may be silent."""

    place: ModelRef
    _connection: EgressConnection
    started: bool = False
    heard: bool = False
    """An event came since somebody last waited for more bytes."""
    finished: bool = False
    """The model has finished; silence is the end now."""
    done: bool = False
    """``[DONE]`` came: nothing that follows is said."""

    @property
    def endpoint(self) -> Endpoint:
        return self.place.endpoint

    def wait_for_first(self, since: float) -> None:
        self._connection.deadline = since + self.endpoint.first_token_timeout

    def alive(self) -> None:
        """An event came: the idle limit begins anew, once the model has said anything."""
        self.heard = False
        if self.done:
            return
        if not self.started and not self.finished:
            return
        seconds = AFTER_FINISH_SECONDS if self.finished else self.endpoint.idle_timeout
        self._connection.deadline = asyncio.get_running_loop().time() + seconds

    def end(self) -> None:
        """``[DONE]`` came: the body has a moment to end, whatever else is sent."""
        self.done = True
        self._connection.deadline = asyncio.get_running_loop().time() + AFTER_DONE_SECONDS

    def failure(self, error: Exception) -> ProviderError:
        """Say what a broken line means."""
        if isinstance(error, httpx2.TimeoutException):
            if self.started:
                return endpoint_errors.silent(self.place, self.endpoint.idle_timeout, first=False)
            return endpoint_errors.silent(self.place, self.endpoint.first_token_timeout, first=True)
        if self.started:
            return endpoint_errors.broken_off(self.place, str(error) or type(error).__name__)
        return endpoint_errors.hung_up(self.place, str(error) or type(error).__name__)


@asynccontextmanager
async def answered(
    opening: AbstractAsyncContextManager[_Response], place: ModelRef
) -> AsyncGenerator[_Response]:
    """Open a response before the first-token limit ends: headers that drip are silence too."""
    seconds = place.endpoint.first_token_timeout
    async with AsyncExitStack() as stack:
        try:
            async with asyncio.timeout(seconds):
                response = await stack.enter_async_context(opening)
        except TimeoutError as error:
            raise endpoint_errors.silent(place, seconds, first=True) from error
        yield response


async def server_sent(source: AsyncIterator[bytes], line: StreamDeadline) -> AsyncGenerator[Any]:
    """Give each event's JSON, up to ``[DONE]``; a whole JSON body is one event."""
    body = _Body(source, line)
    try:
        is_whole = (await body.peek())[:1] in (b"{", b"[", b"<")
        whole = await _whole_body(body, line) if is_whole else None
    except httpx2.HTTPError as error:
        raise line.failure(error) from error
    if is_whole:
        yield whole
        return
    try:
        async for event in httpx2.EventSource(cast("httpx2.Response", body), LONGEST_EVENT):
            data = event.data
            if line.done:
                continue
            if data.startswith("[DONE]"):
                line.end()
            elif data:
                line.heard = True
                yield _parsed(data, line.place, event.event)
    except httpx2.HTTPError as error:
        if not (line.finished or line.done):
            raise line.failure(error) from error


async def json_lines(source: AsyncIterator[bytes], line: StreamDeadline) -> AsyncGenerator[Any]:
    """Give each line's JSON (Ollama's own way to stream)."""
    buffer = bytearray()
    async for data in source:
        buffer += data
        while (end := buffer.find(b"\n")) >= 0:
            text = bytes(buffer[:end]).strip()
            del buffer[: end + 1]
            if text:
                yield _parsed(text.decode("utf-8", "replace"), line.place, "message")
                line.alive()
        if len(buffer) > LONGEST_EVENT:
            raise ProviderError(f"{line.place}: a line of more than {LONGEST_EVENT:,} bytes.")
    if rest := bytes(buffer).strip():
        yield _parsed(rest.decode("utf-8", "replace"), line.place, "message")


@define(eq=False)
class _Body:
    """A response as `httpx2.EventSource` reads it: whatever its content type says."""

    _source: AsyncIterator[bytes]
    _line: StreamDeadline
    headers: dict[str, str] = field(factory=lambda: {"content-type": "text/event-stream"})
    request: None = None
    _start: bytes = b""

    async def peek(self) -> bytes:
        """Return the first bytes that say something."""
        while not self._start.lstrip(b"\xef\xbb\xbf \r\n\t"):
            more = await anext(self._source, None)
            if more is None:
                break
            self._start += more
        return self._start.lstrip(b"\xef\xbb\xbf \r\n\t")

    async def read(self, limit: int) -> bytes:
        async for data in self._source:
            self._start += data
            if len(self._start) > limit:
                break
        return self._start

    async def aiter_text(self) -> AsyncIterator[str]:
        decode = codecs.getincrementaldecoder("utf-8-sig")("replace").decode
        yield decode(self._start)
        while True:
            if self._line.heard:
                self._line.alive()
            data = await anext(self._source, None)
            if data is None:
                break
            yield decode(data)
        yield decode(b"", final=True) + "\n\n"


async def _whole_body(body: _Body, line: StreamDeadline) -> Any:
    text = (await body.read(LONGEST_EVENT)).decode("utf-8-sig", "replace")
    try:
        return jiter.from_json(text.encode())
    except ValueError as error:
        raise endpoint_errors.not_an_answer(line.place, text) from error


def _parsed(data: str, place: ModelRef, kind: str) -> Any:
    try:
        value = jiter.from_json(data.encode())
    except (ValueError, UnicodeEncodeError) as error:
        value = _parsed_leniently(data, place, error)
    if kind == "error":
        inner = cast("dict[str, Any]", value).get("error") if isinstance(value, dict) else None
        raise endpoint_errors.of_piece(place, inner or value)
    return value


def _parsed_leniently(data: str, place: ModelRef, error: Exception) -> Any:
    """Half a surrogate pair is legal for `json`; anything else that jiter refuses is broken."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise ProviderError(
            f"{place} sent a piece that is no JSON.  Look at the server's log.",
            code="bad_answer",
        ) from error
