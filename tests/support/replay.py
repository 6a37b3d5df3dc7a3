"""A raw-socket server that replays bytes: any chunk borders, delays, resets.

    with Replay([http_head(), *sse({"choices": [...]}), DONE]) as server: ...

One list of steps is one answer to one request; the last answer is repeated for further requests.
A step is bytes, `Pause(seconds)`, `RESET` (a TCP reset), `HOLD` (silence until the client goes),
or a callable that takes the request's bytes and gives steps.
"""

import contextlib
import json
import os
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Pause:
    seconds: float


RESET = "reset"
HOLD = "hold"
DONE = b"data: [DONE]\n\n"

Step = bytes | str | Pause | Callable[[bytes], Sequence[Any]]


def http_head(status: int = 200, content_type: str = "text/event-stream", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"content-type: {content_type}", "connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def http_json(value: Any, status: int = 200, **headers: str) -> list[bytes]:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    length = {"content_length": str(len(body))}
    return [http_head(status, "application/json", **length, **headers), body]


def sse(*pieces: Any) -> list[bytes]:
    return [b"data: " + json.dumps(piece).encode() + b"\n\n" for piece in pieces]


def ndjson(*pieces: Any) -> list[bytes]:
    return [json.dumps(piece).encode() + b"\n" for piece in pieces]


def piece(
    content: Any = None, *, finish: str | None = None, model: str = "m", **delta: Any
) -> dict[str, Any]:
    if content is not None:
        delta["content"] = content
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "1", "object": "chat.completion.chunk", "model": model, "choices": [choice]}


def usage_piece(prompt: int = 5, completion: int = 3, **more: Any) -> dict[str, Any]:
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, **more}
    return {"id": "1", "object": "chat.completion.chunk", "choices": [], "usage": usage}


def text_answer(*texts: str) -> list[bytes]:
    """A whole, well-behaved answer."""
    pieces = [*(piece(text) for text in texts), piece(finish="stop"), usage_piece()]
    return [http_head(), *sse(*pieces), DONE]


class Replay:
    def __init__(self, *answers: Sequence[Any], unix: bool = False, tls: Any = None) -> None:
        self.answers = [list(answer) for answer in answers]
        self.requests: list[bytes] = []
        self.connections = 0
        self.gone = threading.Event()
        self.gone_at: float | None = None
        self._tls = tls
        self._stop = threading.Event()
        self._folder = tempfile.TemporaryDirectory(prefix="ih") if unix else None
        if self._folder is not None:
            self.path = os.path.join(self._folder.name, "s")  # noqa: PTH118
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.bind(self.path)
        else:
            self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.listen(64)
        self.port = 0 if unix else self._socket.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        return f"unix:{self.path}" if self._folder is not None else f"{self.root}/v1"

    @property
    def bodies(self) -> list[Any]:
        """The JSON body of each request that had one."""
        bodies = [request.partition(b"\r\n\r\n")[2] for request in self.requests]
        return [json.loads(body) for body in bodies if body]

    @property
    def paths(self) -> list[str]:
        return [request.split(b" ", 2)[1].decode() for request in self.requests]

    def close(self) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._acceptor.join(5)
        for thread in self._threads:
            thread.join(5)
        if self._folder is not None:
            self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            try:
                if self._tls is not None:
                    client = self._tls.wrap_socket(client, server_side=True)
                with client:
                    request = _read_request(client)
                    if not request:
                        return
                    number = len(self.requests)
                    self.requests.append(request)
                    answer = self.answers[min(number, len(self.answers) - 1)]
                    self._play(client, answer, request)
            except OSError:
                self._left()

    def _play(self, client: socket.socket, steps: Sequence[Any], request: bytes) -> None:
        for step in steps:
            if isinstance(step, bytes):
                client.sendall(step)
            elif isinstance(step, Pause):
                self._wait(client, step.seconds)
            elif step == RESET:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            elif step == HOLD:
                self._wait(client, 60)
            else:
                self._play(client, step(request), request)

    def _wait(self, client: socket.socket, seconds: float) -> None:
        end = time.monotonic() + seconds
        client.settimeout(0.005)
        while time.monotonic() < end and not self._stop.is_set():
            try:
                if client.recv(1) == b"":
                    raise ConnectionResetError
            except TimeoutError:
                continue
        client.settimeout(None)

    def _left(self) -> None:
        self.gone_at = time.monotonic()
        self.gone.set()


def _read_request(client: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        more = client.recv(65536)
        if not more:
            return data
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        body += client.recv(65536)
    return head + b"\r\n\r\n" + body
