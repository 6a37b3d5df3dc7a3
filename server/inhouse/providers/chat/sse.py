"""Bytes of a response → parsed events: server-sent events or lines of JSON, with time limits.

The two time limits count events, not bytes: a drip of pings is silence.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar, cast

import httpx2
import jiter
from attrs import define

from inhouse.core.errors import ProviderError
from inhouse.providers.endpoints import endpoint_errors
from inhouse.providers.endpoints.endpoint_errors import ModelRef
from inhouse.providers.endpoints.error_text import message_in
from inhouse.providers.network.connection import EgressConnection

_Response = TypeVar("_Response")

LONGEST_EVENT = 16 * 1024 * 1024
LONGEST_ANSWER = 256 * 1024 * 1024
"""Bytes of one answer on the wire: a million tokens, each in its own piece."""
LONGEST_TEXT = 4_000
"""Bytes of what is no JSON that are looked at."""
LONGEST_COMMENTS = 256 * 1024
"""Bytes without an event's end after which comments are dropped."""
AFTER_FINISH_SECONDS = 2.0
"""How long to wait for usage and ``[DONE]`` once the model has finished."""
AFTER_DONE_SECONDS = 0.25
"""How long to wait for the body's end after ``[DONE]``, so that all bytes are counted."""


@define(eq=False)
class StreamDeadline:
    """The connection of an answer, and until when it may be silent."""

    place: ModelRef
    _connection: EgressConnection
    started: bool = False
    finished: bool = False
    """The model has finished, so that silence now means the end."""
    done: bool = False
    """``[DONE]`` was received; what follows is ignored."""
    odd: str = ""
    """The last text between events that is none, such as a gateway's error."""
    _taken: int = 0

    def wait_for_first(self, since: float) -> None:
        self._connection.deadline = since + self.place.endpoint.first_token_timeout

    def took(self, data: bytes | None) -> None:
        """Count received bytes.  Raises `ProviderError` if an answer is endless."""
        self._taken += len(data or b"")
        if self._taken > LONGEST_ANSWER:
            raise ProviderError(
                f"{self.place}: the answer was stopped after {LONGEST_ANSWER >> 20} MB.  Run the "
                "agent again, or choose another model.",
                code="too_long",
            )

    def alive(self) -> None:
        """Note an event: once the model has said anything, this restarts the idle limit."""
        if self.done:
            return
        if not self.started and not self.finished:
            return
        seconds = AFTER_FINISH_SECONDS if self.finished else self.place.endpoint.idle_timeout
        self._connection.deadline = asyncio.get_running_loop().time() + seconds

    def end(self) -> None:
        """Note ``[DONE]``: the body has a moment to end, whatever else is sent."""
        self.done = True
        self._connection.deadline = asyncio.get_running_loop().time() + AFTER_DONE_SECONDS

    def failure(self, error: Exception) -> ProviderError:
        """Return the error for a broken connection."""
        if isinstance(error, httpx2.TimeoutException):
            limits = self.place.endpoint
            seconds = limits.idle_timeout if self.started else limits.first_token_timeout
            return endpoint_errors.silent(self.place, seconds, first=not self.started)
        if self.started:
            return endpoint_errors.broken_off(self.place, str(error) or type(error).__name__)
        return endpoint_errors.hung_up(self.place, str(error) or type(error).__name__, error)


@asynccontextmanager
async def answered(
    opening: AbstractAsyncContextManager[_Response], place: ModelRef
) -> AsyncGenerator[_Response]:
    """Open a response within the first-token limit; slowly dripping headers count as silence."""
    seconds = place.endpoint.first_token_timeout
    async with AsyncExitStack() as stack:
        try:
            async with asyncio.timeout(seconds):
                response = await stack.enter_async_context(opening)
        except TimeoutError as error:
            raise endpoint_errors.silent(place, seconds, first=True) from error
        yield response


async def server_sent(
    source: AsyncIterator[bytes], line: StreamDeadline
) -> AsyncGenerator[list[Any]]:
    """Yield the JSON of the events that each read completes, up to ``[DONE]``.

    A whole JSON body is one event.
    """
    try:
        data: bytes | None = await _beginning(source)
        if data[:1] in (b"{", b"[", b"<"):
            async for pieces in _json_body(data, source, line):
                yield pieces
            return
        decoder = EventDecoder()
        while data is not None:
            line.took(data)
            pieces: list[Any] = []
            try:
                for kind, said in decoder.feed(data):
                    if said.startswith((b"[DONE]", b'"[DONE]"')):
                        line.end()
                    elif not line.done:
                        pieces.append(_parsed(said, line, kind))
            finally:  # What was said before an error counts.
                if pieces:
                    yield pieces
                    line.alive()
            data = None if decoder.ended else await anext(source, None) or decoder.end()
    except httpx2.HTTPError as error:
        if not (line.finished or line.done):
            raise line.failure(error) from error


async def json_lines(
    source: AsyncIterator[bytes], line: StreamDeadline
) -> AsyncGenerator[list[Any]]:
    """Yield the JSON of the lines that each read completes (Ollama's own streaming format)."""
    rest: list[bytes] = []
    async for data in source:
        line.took(data)
        if b"\n" not in data:
            rest.append(data)
            if sum(map(len, rest)) > LONGEST_EVENT:
                raise ProviderError(f"{line.place}: a line of more than {LONGEST_EVENT:,} bytes.")
            continue
        *lines, last = b"".join((*rest, data)).split(b"\n")
        rest = [last]
        pieces: list[Any] = []
        try:
            told = filter(None, map(bytes.strip, lines))
            pieces.extend(_parsed(said, line, "message") for said in told)
        finally:  # What was said before an error counts.
            if pieces:
                yield pieces
                line.alive()
    if said := b"".join(rest).strip():
        yield [_parsed(said, line, "message")]


class EventDecoder:
    """Server-sent events, as many at a time as a read completes (WHATWG HTML, section 9.2.6)."""

    def __init__(self) -> None:
        self.ended = False
        self._rest: list[bytes] = [b""]
        self._size = 0
        self._tidied = 0
        """The size of the rest when comments were last dropped."""
        self._after_cr = False

    def feed(self, data: bytes) -> list[tuple[str, bytes]]:
        """Return name and data of each event that is now complete, except those without data.

        Raises `httpx2.SSEError` where one is longer than `LONGEST_EVENT`.
        """
        if b"\r" in data or self._after_cr:
            data = self._with_line_feeds(data)
        blocks: list[bytes] = []
        if b"\n\n" in data or (data.startswith(b"\n") and self._rest[-1].endswith(b"\n")):
            # Joined only at an event's end, so that a long one in small reads is copied once.
            *blocks, rest = b"".join((*self._rest, data)).split(b"\n\n")
            self._rest, self._size, self._tidied = [rest], len(rest), 0
        elif data:
            self._rest.append(data)
            self._size += len(data)
        found = [event for block in blocks if (event := _event(block)) is not None]
        if self._size > max(LONGEST_COMMENTS, 2 * self._tidied):
            self._forget_comments()
        if self._size > LONGEST_EVENT:
            raise httpx2.SSEError(f"An event of more than {LONGEST_EVENT:,} bytes.")
        return found

    def end(self) -> bytes:
        """Return what completes an event that lacks its blank line."""
        self.ended = True
        return b"\n\n"

    def _with_line_feeds(self, data: bytes) -> bytes:
        """Convert CRLF and CR to LF; a CR at the end may be the first half of CRLF."""
        if not data:
            return data
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
        self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _forget_comments(self) -> None:
        """Drop comments, which a server may send for ever and belong to no event."""
        *lines, last = b"".join(self._rest).split(b"\n")
        kept = b"".join(one + b"\n" for one in lines if not one.startswith(b":"))
        self._rest, self._size = [kept + last], len(kept) + len(last)
        self._tidied = self._size


def _event(block: bytes) -> tuple[str, bytes] | None:
    """Read the lines of one event."""
    if block.startswith(b"data: ") and b"\n" not in block:
        return ("message", block[6:]) if len(block) > 6 else None  # noqa: PLR2004  nearly every event
    name, data, odd = "message", list[bytes](), list[bytes]()
    for line in block.split(b"\n"):
        field_name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if line[:1] in (b"{", b"[") and not data:  # an error as it would be without a stream
            said = block[block.index(line) :]
            if line.startswith(b"{") or _is_json(said):  # else a line of a log: [INFO] ready
                return name, said
        if field_name == b"data":
            data.append(value)
        elif field_name == b"event":
            name = value.decode("utf-8", "replace") or "message"
        elif field_name == b"error" and value.startswith((b"{", b'"')):  # llama.cpp until 2025
            data.append(value)
            name = "error"
        elif line and field_name not in (b"", b"id", b"retry"):
            odd.append(line)
    if odd and not data:
        return _ODD, b" ".join(odd)
    joined = b"\n".join(data)
    return (name, joined) if joined else None


def _is_json(data: bytes) -> bool:
    try:
        jiter.from_json(data)
    except ValueError:
        return False
    return True


_ODD = "no event"
_PINGS = ("ping", "keepalive", "keep-alive", "heartbeat")
_PING_WORDS = tuple(one.encode() for one in _PINGS)


async def _beginning(source: AsyncIterator[bytes]) -> bytes:
    """Read until there is text, without the byte order mark and white space before it."""
    async for data in source:
        if said := data.lstrip(_NOTHING):
            return said
    return b""


_NOTHING = b"\xef\xbb\xbf \r\n\t"


async def _json_body(
    start: bytes, source: AsyncIterator[bytes], line: StreamDeadline
) -> AsyncGenerator[list[Any]]:
    """Yield the JSON of a body without events: one value, or one on each line."""
    body = start
    more: bytes | None = start
    while more is not None and b"\n" not in more and len(body) <= LONGEST_EVENT:
        more = await anext(source, None)
        body += more or b""
    try:
        jiter.from_json(body.partition(b"\n")[0])
    except ValueError:
        yield [await _whole_body(body, source, line)]
        return
    async for pieces in json_lines(_after(body, source), line):
        yield pieces


async def _after(start: bytes, source: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    yield start
    async for data in source:
        yield data


async def _whole_body(start: bytes, source: AsyncIterator[bytes], line: StreamDeadline) -> Any:
    body = bytearray(start)
    async for data in source:
        body += data
        if len(body) > LONGEST_EVENT:
            break
    text = body.decode("utf-8", "replace")
    try:
        return jiter.from_json(text.encode())
    except ValueError as error:
        raise endpoint_errors.not_an_answer(line.place, text) from error


def _parsed(data: bytes, line: StreamDeadline, kind: str) -> Any:
    """Return the JSON of an event; None for one that says nothing."""
    try:
        value = jiter.from_json(data)
    except ValueError as error:
        if kind == _ODD:
            line.odd = data.decode("utf-8", "replace")
            return None
        if kind == "error":
            raise endpoint_errors.of_piece(line.place, data.decode("utf-8", "replace")) from error
        if kind in _PINGS or data.strip().lower() in _PING_WORDS:
            return None
        value = _parsed_leniently(data, line.place, error)
    if kind == "error":
        inner = cast("dict[str, Any]", value).get("error") if isinstance(value, dict) else None
        raise endpoint_errors.of_piece(line.place, inner or value)
    return value


def _parsed_leniently(data: bytes, place: ModelRef, error: Exception) -> Any:
    """Parse unpaired surrogates and bytes that are not UTF-8, which jiter refuses."""
    try:
        return json.loads(data.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        told = data[:LONGEST_TEXT].decode("utf-8", "replace").strip()
        said = "" if told[:1] in ("{", "[") else place.quote(message_in(told))
        raise ProviderError(
            f"{place} sent a piece that is not JSON{said and f': {said}'}.  Look at the server's "
            "log.",
            code="bad_answer",
        ) from error
