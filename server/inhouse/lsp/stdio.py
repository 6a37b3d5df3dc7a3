"""Serves editors on standard input and output, or on a TCP port.

Pygls and lsprotocol are imported when ``initialize`` has been answered.
"""

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any

from inhouse.core.errors import InhouseError, UserError
from inhouse.core.json_values import Json, fields
from inhouse.core.logs import log_to_stderr
from inhouse.lsp.contract.command_names import COMMANDS
from inhouse.lsp.contract.server_capabilities import initialize_result
from inhouse.lsp.initialize import (
    AGENTS_BUDGET,
    Answered,
    Beginning,
    all_commands,
    answer,
    asks,
    read_message,
)
from inhouse.lsp.transport import peers
from inhouse.lsp.transport.client import EditorClient, read_client
from inhouse.lsp.transport.early_agents import kept_agent_ids, read_agent_ids
from inhouse.lsp.transport.framing import Framing, encoded
from inhouse.lsp.transport.light_imports import load_pygls
from inhouse.lsp.transport.rpc import EditorRpc
from inhouse.pipes.event_loop import Chunks, PipeOutbox, SocketOutbox, WriteQueue, read_chunks
from inhouse.pipes.process_end import LAST_WORDS_S, leave_at_last, on_ending_signal
from inhouse.pipes.standard_streams import PIECE, take_over_stdio

if TYPE_CHECKING:
    import argparse

logger = logging.getLogger(__name__)
FIRST_WORDS_S = 30.0
"""Seconds that a connection has for its first bytes, and a stranger for showing the token."""
_FIRST_WORDS = 4 << 20
"""Bytes that a stranger may send before that."""


def serve_options(arguments: Sequence[str]) -> int:
    """Serve as the options of ``inhouse lsp`` say; return the exit status."""
    options = _parser().parse_args(arguments)
    if options.tcp is None:
        source, target = take_over_stdio()
        return serve_pipes(source, target, Beginning(Framing()), log_level=options.log_level)
    try:
        return serve_tcp(options.tcp, log_level=options.log_level)
    except (InhouseError, OSError) as error:
        sys.stderr.write(f"inhouse lsp: {error}\n")
        return 2


def serve_pipes(
    source: int, target: int, beginning: Beginning, *, log_level: str = "warning"
) -> int:
    """Serve the editor that started this process; return the exit status."""
    _log_to_stderr(log_level)
    return asyncio.run(_serve_pipes(source, target, beginning))


def serve_tcp(address: str, *, log_level: str = "warning") -> int:
    """Serve every editor of this user that connects, each with its own session.

    ``unix:/path`` is a socket that only this user can open.  A connection to ``HOST:PORT`` must
    come from this user, according to the system, or send the token that standard error shows.
    """
    _log_to_stderr(log_level)
    if address.startswith("unix:"):
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_serve_unix(address.removeprefix("unix:")))
        return 0
    host, _, port = address.rpartition(":")
    if not port.isdigit() or int(port) > 65535:  # noqa: PLR2004  the largest port
        raise UserError(f"--tcp takes HOST:PORT, not {address!r}, for example 127.0.0.1:9257.")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve_sockets(host.strip("[]") or "127.0.0.1", int(port)))
    return 0


async def converse(
    chunks: Chunks,
    outbox: WriteQueue,
    stopping: "Stopping",
    stranger: "Stranger | None" = None,
    beginning: Beginning | None = None,
) -> int:
    """Serve one editor until it has gone; a *stranger* has to know the token."""
    connection = _Connection(outbox, stopping, stranger, beginning or Beginning(Framing()))
    reading = asyncio.create_task(connection.read(chunks), name="reading")
    try:
        await asyncio.wait(
            (reading, asyncio.create_task(stopping.wait(), name="stopping")),
            return_when=asyncio.FIRST_COMPLETED,
        )
    finally:
        if reading.done() and (error := reading.exception()) is not None:
            logger.error("The connection broke.", exc_info=error)
        reading.cancel()
        stopping.stop(1)
        await connection.aclose()
        await outbox.aclose(LAST_WORDS_S)
    return stopping.status


class Stopping:
    """When the end was decided, and the exit status; the first decision counts."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.status = 0

    def stop(self, status: int) -> None:
        if not self._event.is_set():
            self.status = status
            self._event.set()

    async def wait(self) -> None:
        await self._event.wait()


class Stranger:
    """A connection of which the system does not say that it is this user's."""

    def __init__(self, token: str, leave: Callable[[], None]) -> None:
        self.token = token
        """What it has to show."""
        self.is_admitted = False
        self._leave = leave

    def leave(self) -> None:
        """End the connection, unless it has shown the token."""
        if not self.is_admitted:
            self._leave()


class Strangers:
    """The connections that have to show the token: few at once, each for a short time.

    One more ends the oldest of them.  Whoever has the token soon stops being one of them, so those
    that say nothing cannot keep the owner out.
    """

    def __init__(self, token: str, *, most: int = 16, seconds: float = FIRST_WORDS_S) -> None:
        self.token = token
        self._most = most
        self._seconds = seconds
        self._waiting: list[Stranger] = []

    @contextlib.contextmanager
    def met(self, leave: Callable[[], None]) -> Generator[Stranger]:
        """Count a connection for as long as it lives; *leave* ends it."""
        self._waiting = [each for each in self._waiting if not each.is_admitted]
        while len(self._waiting) >= self._most:
            self._waiting.pop(0).leave()
        self._waiting.append(stranger := Stranger(self.token, leave))
        leaving = asyncio.get_running_loop().call_later(self._seconds, stranger.leave)
        try:
            yield stranger
        finally:
            leaving.cancel()
            with contextlib.suppress(ValueError):  # It was admitted, or another came.
                self._waiting.remove(stranger)


class _Connection:
    """One editor: first a plain connection, then a session and its server."""

    def __init__(
        self,
        outbox: WriteQueue,
        stopping: Stopping,
        stranger: Stranger | None,
        beginning: Beginning,
    ) -> None:
        self._outbox = outbox
        self._stranger = stranger
        self._beginning = beginning
        self._stopping = stopping
        self._server: Any = None

    @property
    def _is_strange(self) -> bool:
        return self._stranger is not None and not self._stranger.is_admitted

    async def read(self, chunks: Chunks) -> None:
        framing, first, answered = self._beginning
        if answered is not None:
            self._open(answered)
        if first is not None:
            await self._take(first, looked=True)
        for body in framing.feed(b""):
            await self._take(body)
        left = _FIRST_WORDS
        async for chunk in chunks:
            left -= len(chunk)
            if left < 0 and self._is_strange:
                self._stopping.stop(1)
                return
            for body in framing.feed(chunk):
                await self._take(body)

    async def aclose(self) -> None:
        if self._server is not None:
            await self._server.session.aclose()

    async def _take(self, body: bytes, *, looked: bool = False) -> None:
        if self._server is None:
            await self._first(body, looked=looked)
        else:
            self._server.protocol.receive(body)

    async def _first(self, body: bytes, *, looked: bool) -> None:
        message = read_message(body)
        if message.get("method") == "exit":
            self._stopping.stop(1)
        if not asks(message):
            self._refuse(message)
            return
        stranger = self._stranger
        if stranger is not None and not peers.is_token(_token_of(message), stranger.token):
            text = "Another user of this machine: initializationOptions.token must be the token."
            error = {"code": -32600, "message": text}
            self._send({"jsonrpc": "2.0", "id": message["id"], "error": error})
            self._stopping.stop(1)
            return
        if stranger is not None:
            stranger.is_admitted = True
        client = read_client(message.get("params"))
        result = initialize_result(client, await _commands(client, looked=looked))
        answered = Answered(body, message, client, result)
        self._outbox.write(answer(answered))
        await asyncio.sleep(0)
        self._open(answered)

    def _open(self, answered: Answered) -> None:
        load_pygls()
        from inhouse.lsp.bootstrap import open_server  # noqa: PLC0415  half a second of imports

        link = EditorRpc(self._outbox, answered.client)
        self._server = open_server(link, answered.message, answered.result, self._stopping.stop)
        self._server.protocol.receive(answered.body)

    def _refuse(self, message: Json) -> None:
        if "id" in message and "method" in message:
            error = {"code": -32002, "message": f"{message['method']}: send initialize first."}
            self._send({"jsonrpc": "2.0", "id": message["id"], "error": error})
        elif "method" not in message:
            error = {"code": -32700, "message": "This is not a JSON-RPC 2.0 message."}
            self._send({"jsonrpc": "2.0", "id": None, "error": error})

    def _send(self, message: Json) -> None:
        self._outbox.write(encoded(message))


async def _commands(client: EditorClient, *, looked: bool) -> list[str]:
    """Return the commands, with each agent's for a client without dynamic registration.

    *looked*: ids that the last session kept were looked for, and there are none that count.
    """
    if client.registers_commands:
        return list(COMMANDS)
    agents: list[str] | None = None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(AGENTS_BUDGET):
            if not looked:
                agents = await asyncio.to_thread(kept_agent_ids, client, seconds=AGENTS_BUDGET)
            if agents is None:
                agents = await read_agent_ids(client)
    return all_commands(agents or [])


def _token_of(message: Json) -> object:
    return fields(fields(message.get("params")).get("initializationOptions")).get("token")


def _parser() -> "argparse.ArgumentParser":
    import argparse  # noqa: PLC0415  only if there is something to parse

    parser = argparse.ArgumentParser(
        prog="inhouse lsp", description="The language server, on standard input and output."
    )
    parser.add_argument("--tcp", metavar="HOST:PORT", help="listen there instead, or at unix:/PATH")
    parser.add_argument("--stdio", action="store_true", help="the default; some clients pass it")
    parser.add_argument("--log-level", default="warning", choices=["debug", "info", "warning"])
    # Added by vscode-languageclient; the client also says it in `initialize`.
    parser.add_argument("--clientProcessId", type=int, help=argparse.SUPPRESS)
    return parser


async def _serve_pipes(source: int, target: int, beginning: Beginning) -> int:
    stopping = Stopping()
    on_ending_signal(lambda: stopping.stop(0))
    leaving = asyncio.create_task(_leave_at_last(stopping), name="leaving")
    outbox = PipeOutbox(target, on_lost=lambda: stopping.stop(1))
    status = await converse(read_chunks(source), outbox, stopping, beginning=beginning)
    await leaving
    return status


async def _leave_at_last(stopping: Stopping) -> None:
    """Make sure that no process is left, whatever hangs."""
    await stopping.wait()
    leave_at_last(stopping.status or 1)


async def _serve_sockets(host: str, port: int) -> None:
    import secrets  # noqa: PLC0415  only here

    strangers = Strangers(secrets.token_urlsafe(24))

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = writer.get_extra_info("peername"), writer.get_extra_info("sockname")
        if None in ends:  # It has gone already.
            writer.transport.abort()
        elif await asyncio.to_thread(peers.is_same_user, *ends):
            await converse_on_socket(reader, writer, None)
        else:
            with strangers.met(writer.transport.abort) as stranger:
                await converse_on_socket(reader, writer, stranger)

    server = await asyncio.start_server(connected, host, port)
    for listening in server.sockets:
        address = listening.getsockname()
        sys.stderr.write(
            f"inhouse: listening on {address[0]}:{address[1]} "
            f"(other users need initializationOptions.token {strangers.token})\n"
        )
        if not peers.is_loopback(address[0]):
            sys.stderr.write(
                "inhouse: other machines can reach this address, and nothing that is sent to it "
                "is encrypted.  127.0.0.1 and a tunnel (ssh -L) are safer.\n"
            )
        sys.stderr.flush()
    async with server:
        await server.serve_forever()


async def _serve_unix(path: str) -> None:
    """Serve a socket that nobody else can open, which is true from its creation on."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await converse_on_socket(reader, writer, None)

    before = os.umask(0o177)
    try:
        server = await asyncio.start_unix_server(connected, path)
    finally:
        os.umask(before)
    sys.stderr.write(f"inhouse: listening on {path}\n")
    sys.stderr.flush()
    async with server:
        await server.serve_forever()


async def converse_on_socket(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stranger: Stranger | None
) -> None:
    """Serve what connects, if its first bytes are a client's of the protocol."""
    with contextlib.suppress(ConnectionError):
        first = await _first_bytes(reader)
        if not first:
            writer.transport.abort()
            return
        await converse(_pieces(reader, first), SocketOutbox(writer), Stopping(), stranger)


async def _first_bytes(reader: asyncio.StreamReader) -> bytes:
    """Return the first bytes of a client of the protocol; nothing for anybody else."""
    first = b""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(FIRST_WORDS_S):
            while len(first) < len(peers.FIRST_BYTES):
                more = await reader.read(len(peers.FIRST_BYTES) - len(first))
                first += more
                if not more or not peers.may_begin(first):
                    return b""
            return first
    return b""


async def _pieces(reader: asyncio.StreamReader, first: bytes) -> Chunks:
    yield first
    while data := await reader.read(PIECE):
        yield data


def _log_to_stderr(level: str) -> None:
    """Log to stderr without pygls's INFO and ERROR logs, which contain users' texts."""
    log_to_stderr(level.upper())
    logging.getLogger("pygls").setLevel(logging.WARNING)
    if level != "debug":
        logging.getLogger("pygls.protocol.json_rpc").setLevel(logging.CRITICAL)
