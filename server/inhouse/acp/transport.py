"""Newline-delimited JSON-RPC on a pipe, as the SDK's ``Transport``, with ``initialize`` answered.

Source: https://agentclientprotocol.com/protocol/transports (stdio).
"""

import asyncio
import json
import sys
from collections import deque
from typing import cast

from inhouse import __version__
from inhouse.core.json_values import Json, fields
from inhouse.pipes.event_loop import Chunks, WriteQueue

from . import ADD_ENDPOINT

PROTOCOL_VERSION = 1
_MOST_LINE = 64 << 20
"""Bytes of one message, which may hold pictures."""
_NO_JSON = -32700
_NO_MESSAGE = -32600


def initialize_result(capabilities: Json | None = None) -> Json:
    """Return what this agent can do.  Everything in it is implemented and tested.

    *capabilities* are the client's.
    """
    return {
        "protocolVersion": PROTOCOL_VERSION,
        "agentInfo": {"name": "inhouse", "title": "Inhouse", "version": __version__},
        "authMethods": _auth_methods(capabilities or {}),
        "agentCapabilities": {
            "loadSession": True,
            "promptCapabilities": {"image": True, "audio": False, "embeddedContext": True},
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


def _auth_methods(capabilities: Json) -> list[Json]:
    """Offer to add an endpoint, if the client can start us in a terminal for it.

    Nobody has to sign in and no request ever asks for it, but this is how clients offer a set-up,
    and their registry wants one.
    """
    by_meta = fields(capabilities.get("_meta")).get("terminal-auth") is True
    if not by_meta and fields(capabilities.get("auth")).get("terminal") is not True:
        return []
    method: Json = {
        "id": "add-endpoint",
        "name": "Add a model server",
        "description": "Find or name the server that runs your models.  You need no account.",
        "type": "terminal",
        "args": [ADD_ENDPOINT],
    }
    if by_meta:
        method["_meta"] = {
            "terminal-auth": {
                "label": "Add a model server",
                "command": sys.executable,
                "args": ["-m", "inhouse", "acp", ADD_ENDPOINT],
            }
        }
    return [method]


class StdioTransport:
    """Moves JSON-RPC messages: decoded from the client's lines, encoded into ours."""

    def __init__(self, chunks: Chunks, queue: WriteQueue) -> None:
        self._chunks = chunks
        self.queue = queue
        self._rest = bytearray()
        self._too_long = False
        self._lines: deque[bytes] = deque()
        self.client: Json = {}
        """What the client said about itself in ``initialize``."""

    async def answer_initialize(self) -> None:
        """Answer the first ``initialize``; refuse whatever comes before it."""
        while not self.client and (message := await self._next()) is not None:
            if message.get("method") == "initialize" and "id" in message:
                self._initialize(message)
            elif "id" in message and "method" in message:
                self._error(
                    message["id"], _NO_MESSAGE, f"{message['method']}: send initialize first."
                )

    async def receive(self) -> Json | None:
        """Return the client's next message; None if the client has gone."""
        while (message := await self._next()) is not None:
            if message.get("method") == "initialize" and "id" in message:
                self._initialize(message)
            else:
                return message
        return None

    async def send(self, message: Json) -> None:
        """Send a message, waiting while the client does not read."""
        self.write(json.dumps(message, ensure_ascii=False, separators=(",", ":")))
        if self.queue.full:
            room = asyncio.Event()
            self.queue.when_room(room.set)
            await room.wait()

    def write(self, line: str) -> None:
        """Send a message that is already JSON; never waits.

        An unpaired surrogate cannot be UTF-8 and is sent as its JSON escape.
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
            self._keep(chunk)
            return
        first, _, rest = head.partition(b"\n")
        self._keep(first)
        self._lines.append(bytes(self._rest))
        self._lines.extend(rest.split(b"\n"))
        self._rest, self._too_long = bytearray(), False
        self._keep(tail)

    def _keep(self, piece: bytes) -> None:
        """Keep the beginning of a line; one that is too long is refused and skipped."""
        if self._too_long:
            return
        self._rest += piece
        if len(self._rest) > _MOST_LINE:
            self._rest, self._too_long = bytearray(), True
            self._error(None, _NO_JSON, f"A message must not be longer than {_MOST_LINE} bytes.")

    def _decoded(self, line: bytes) -> Json | None:
        """Return a valid JSON-RPC message; refuse all others."""
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            self._error(None, _NO_JSON, "This line is not a JSON-RPC 2.0 message.")
            return None
        if not isinstance(message, dict):
            self._error(None, _NO_MESSAGE, "A message must be one JSON object on a line.")
            return None
        message = cast("Json", message)
        request_id = message.get("id")
        problem = _problem(message)
        if problem is None:
            return message
        if "method" in message or "id" not in message:  # A response gets no response.
            told = request_id if _is_id(request_id) else None
            self._error(told, _NO_MESSAGE, problem)
        return None

    def _initialize(self, message: Json) -> None:
        params = message.get("params")
        able = _capabilities(params)
        self.client = {**fields(params), "clientCapabilities": able}
        result = initialize_result(able)
        self._write({"jsonrpc": "2.0", "id": message["id"], "result": result})

    def _error(self, request_id: object, code: int, text: str) -> None:
        error = {"code": code, "message": text}
        self._write({"jsonrpc": "2.0", "id": request_id, "error": error})

    def _write(self, message: Json) -> None:
        self.write(json.dumps(message, ensure_ascii=False, separators=(",", ":")))


def _problem(message: Json) -> str | None:
    """Say why an object is not a valid request, notification or response."""
    if "id" in message and not _is_id(message["id"]):
        return "id must be a string or a number."
    if "method" not in message:
        error = message.get("error")
        if "id" not in message or not ("result" in message or "error" in message):
            return "A message has a method, or the id and the result of a request."
        wrong = error is not None and not isinstance(error, dict)
        return "error must be an object." if wrong else None
    if not isinstance(message["method"], str):
        return "method must be a string."
    if not isinstance(message.get("params") or {}, dict):
        return f"{message['method']}: params must be an object."
    return None


def _is_id(value: object) -> bool:
    return value is None or (isinstance(value, (str, int, float)) and not isinstance(value, bool))


def _capabilities(params: object) -> Json:
    return fields(fields(params).get("clientCapabilities"))
