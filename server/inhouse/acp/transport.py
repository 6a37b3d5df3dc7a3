"""Newline-delimited JSON-RPC on a pipe, as the SDK's ``Transport``, with ``initialize`` answered.

Source: https://agentclientprotocol.com/protocol/transports (stdio).
"""

import asyncio
import json
from collections import deque
from typing import Any, cast

from inhouse import __version__
from inhouse.core.json_values import fields
from inhouse.pipes.stdio_pipes import Chunks
from inhouse.pipes.write_queue import WriteQueue

Json = dict[str, Any]
PROTOCOL_VERSION = 1
_MOST_LINE = 64 << 20
"""Bytes of one message; a longer one ends the connection."""


def initialize_result() -> Json:
    """Give what this agent can do.  Everything in it is implemented and tested."""
    return {
        "protocolVersion": PROTOCOL_VERSION,
        "agentInfo": {"name": "inhouse", "title": "Inhouse", "version": __version__},
        "authMethods": [],
        "agentCapabilities": {
            "loadSession": True,
            "promptCapabilities": {"image": False, "audio": False, "embeddedContext": True},
            "mcpCapabilities": {"http": True, "sse": True},
            "sessionCapabilities": {
                "list": {},
                "resume": {},
                "fork": {},
                "close": {},
                "additionalDirectories": {},
            },
        },
    }


class StdioTransport:
    """Moves JSON-RPC messages: decoded from the client's lines, encoded into ours."""

    def __init__(self, chunks: Chunks, queue: WriteQueue) -> None:
        self._chunks = chunks
        self.queue = queue
        self._rest = bytearray()
        self._lines: deque[bytes] = deque()
        self.client: Json = {}
        """What the client said of itself in ``initialize``."""

    async def answer_initialize(self) -> None:
        """Answer the first ``initialize``; what comes before it is refused."""
        while not self.client and (message := await self._next()) is not None:
            if message.get("method") == "initialize" and "id" in message:
                self._initialize(message)
            elif "id" in message and "method" in message:
                self._error(message["id"], -32600, f"{message['method']}: send initialize first.")

    async def receive(self) -> Json | None:
        """Give the client's next message; None when it has gone."""
        while (message := await self._next()) is not None:
            if message.get("method") == "initialize" and "id" in message:
                self._initialize(message)
            else:
                return message
        return None

    async def send(self, message: Json) -> None:
        """Send a message; waits while the client does not read."""
        self.write(json.dumps(message, ensure_ascii=False, separators=(",", ":")))
        if self.queue.full:
            room = asyncio.Event()
            self.queue.when_room(room.set)
            await room.wait()

    def write(self, line: str) -> None:
        """Send a message that is already JSON; never waits.

        Half of a surrogate pair cannot be UTF-8: it goes as the escape that JSON has for it.
        """
        self.queue.write(line.encode("utf-8", "backslashreplace") + b"\n")

    async def close(self) -> None:
        """Do nothing: the process ends with its pipes."""

    async def _next(self) -> Json | None:
        while True:
            while self._lines:
                line = self._lines.popleft().strip()
                if line and (message := self._decoded(line)) is not None:
                    return message
            chunk = await anext(self._chunks, b"")
            if not chunk:
                return None
            self._feed(chunk)

    def _feed(self, chunk: bytes) -> None:
        head, end, tail = chunk.rpartition(b"\n")
        if not end:
            self._rest += chunk
            if len(self._rest) > _MOST_LINE:
                self._rest.clear()
                self._error(None, -32700, f"A message is longer than {_MOST_LINE} bytes.")
            return
        self._lines.extend((bytes(self._rest) + head).split(b"\n"))
        self._rest = bytearray(tail)

    def _decoded(self, line: bytes) -> Json | None:
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            message = None
        if isinstance(message, dict):
            return cast("Json", message)
        self._error(None, -32700, "This line is not a JSON-RPC 2.0 message.")
        return None

    def _initialize(self, message: Json) -> None:
        params = message.get("params")
        self.client = fields(params)
        self.client.setdefault("clientCapabilities", {})
        self._write({"jsonrpc": "2.0", "id": message["id"], "result": initialize_result()})

    def _error(self, request_id: Any, code: int, text: str) -> None:
        error = {"code": code, "message": text}
        self._write({"jsonrpc": "2.0", "id": request_id, "error": error})

    def _write(self, message: Json) -> None:
        self.write(json.dumps(message, ensure_ascii=False, separators=(",", ":")))
