"""Messages over the pipes of a server's program: one JSON object per line."""

import asyncio
import contextlib
import json
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from attrs import define, field
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from inhouse.core.unicode import visible

from .access import Program

logger = logging.getLogger(__name__)

MOST_LINE = 16 << 20
"""Bytes of one message."""
MOST_GARBAGE = 1_000
"""Lines in a row that are not messages."""
MOST_UNASKED = 20_000
"""Messages in a row while nobody waits for an answer, or that are invalid."""
MOST_LOGGED = 2_000
"""Lines of one server; more would help nobody and fill the disk."""
PATIENCE = 2.0
"""Seconds to end by itself after its input was closed, as the protocol asks."""

_CHUNK = 64 << 10
_KEPT_LINES = 5
_LINE_SHOWN = 500

Incoming = MemoryObjectSendStream["SessionMessage | Exception"]
Outgoing = MemoryObjectReceiveStream[SessionMessage]


@define
class Speech:
    """What a program said besides its messages, and what is wrong with it."""

    server: str
    last: deque[str] = field(factory=lambda: deque[str](maxlen=_KEPT_LINES))
    fault: str = ""
    status: int = 0
    """Of HTTP: what a remote server answered last."""
    heard: int = 0
    """Lines so far."""

    def hear(self, line: str) -> None:
        """Keep a line of standard error, or a line of output that is not a message."""
        shown = visible(line.strip())[:_LINE_SHOWN]
        if not shown:
            return
        self.last.append(shown)
        self.heard += 1
        if self.heard <= MOST_LOGGED:
            logger.info("MCP server %s: %s", self.server, shown)
        if self.heard == MOST_LOGGED:
            logger.info("MCP server %s: what it says from now on is not logged", self.server)

    def last_words(self) -> str:
        """Return the last lines for a message; empty if there are none."""
        return " / ".join(list(self.last)[-2:])


@asynccontextmanager
async def stdio_streams(program: Program, speech: Speech) -> AsyncGenerator[Any]:
    """Speak with a program until the block is left, then end it and everything it started."""
    incoming, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    write, outgoing = anyio.create_memory_object_stream[SessionMessage](0)
    tasks = [
        asyncio.create_task(_read(program, incoming, speech), name=f"mcp-read-{speech.server}"),
        asyncio.create_task(_write(program, outgoing, incoming), name=f"mcp-write-{speech.server}"),
        asyncio.create_task(_listen(program, speech.hear), name=f"mcp-errors-{speech.server}"),
    ]
    try:
        yield read, write
    finally:
        with anyio.CancelScope(shield=True):
            await _end(program)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            _close_pipes(program.process)
            await asyncio.sleep(0)  # the loop closes them at its next turn
        for stream in (incoming, read, write, outgoing):
            stream.close()


async def _end(program: Program) -> None:
    """Close its input, wait a little, and kill what is left."""
    stdin, process = program.process.stdin, program.process
    if stdin is not None:
        stdin.close()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            await process.wait()
    await program.end()


def _close_pipes(process: asyncio.subprocess.Process) -> None:
    """Close pipes that nobody reads to the end; asyncio has no public way, as the SDK found too."""
    close = getattr(getattr(process, "_transport", None), "close", None)
    if callable(close):
        close()


async def _read(program: Program, incoming: Incoming, speech: Speech) -> None:
    buffer, garbage, unasked = bytearray(), 0, 0
    stdout = program.process.stdout
    assert stdout is not None  # noqa: S101  it is a pipe
    async with incoming:
        while chunk := await stdout.read(_CHUNK):
            *lines, rest = chunk.split(b"\n")
            for line in lines:
                message = _message(bytes(buffer) + line)
                buffer.clear()
                if message is None:
                    garbage += bool(line.strip())
                    speech.hear(line[:_LINE_SHOWN].decode(errors="replace"))
                    continue
                unasked = 0 if _is_answer(message) else unasked + 1
                garbage = 0
                with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
                    await incoming.send(message)
            buffer += rest
            speech.fault = _fault(len(buffer), garbage, unasked)
            if speech.fault:
                return


def _fault(unfinished: int, garbage: int, unasked: int) -> str:
    if unfinished > MOST_LINE:
        return f"it sent more than {MOST_LINE >> 20} MB without the end of a line"
    if garbage > MOST_GARBAGE:
        return f"it printed {garbage:,} lines that are not messages of the protocol"
    if unasked > MOST_UNASKED:
        return f"it sent {unasked:,} messages that answer nothing"
    return ""


def _message(line: bytes) -> SessionMessage | None:
    if not line.strip():
        return None
    try:
        value = json.loads(line.decode("utf-8", "replace"))
        return SessionMessage(jsonrpc_message_adapter.validate_python(value, by_name=False))
    except (ValueError, RecursionError):
        return None


def _is_answer(message: SessionMessage) -> bool:
    return hasattr(message.message, "result") or hasattr(message.message, "error")


async def _write(program: Program, outgoing: Outgoing, incoming: Incoming) -> None:
    stdin = program.process.stdin
    assert stdin is not None  # noqa: S101  it is a pipe
    try:
        async with outgoing:
            async for message in outgoing:
                text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                stdin.write(text.encode() + b"\n")
                await stdin.drain()
    except (ConnectionError, RuntimeError):  # it no longer reads: report that to whoever waits
        await incoming.aclose()


async def _listen(program: Program, hear: Callable[[str], None]) -> None:
    stderr = program.process.stderr
    assert stderr is not None  # noqa: S101  it is a pipe
    rest = b""
    while chunk := await stderr.read(_CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines[-_KEPT_LINES:]:
            hear(line[:_LINE_SHOWN].decode(errors="replace"))
        rest = rest[-_LINE_SHOWN:]
    hear(rest.decode(errors="replace"))
