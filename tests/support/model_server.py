"""An OpenAI-compatible server on loopback that plays a script over real HTTP.

    with ModelServer() as server:
        server.play("Hel", "lo")                       # one answer, two pieces
        server.play(call("read_files", paths=["a"]))   # an answer that calls a tool
        server.play("a", Pause(30))                    # silence in mid-answer
        server.fail(401, {"error": {"message": "bad key"}})

Answers are played in order; when none is left, ``default`` is played.
``server.requests`` holds each request's path, headers and JSON body; ``server.closed`` counts the
connections that the client closed before the answer was complete.
An answer may also be chosen by model: ``server.play("x", model="m1")``.
"""

import contextlib
import itertools
import json
import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass
class Pause:
    """Silence: as long as this, or until *until* is set."""

    seconds: float
    until: threading.Event | None = None


@dataclass
class Call:
    name: str
    arguments: str
    id: str


@dataclass
class Reasoning:
    text: str


@dataclass
class Usage:
    prompt_tokens: int = 11
    completion_tokens: int = 7
    cost: float | None = None


@dataclass
class Finish:
    """Overrides how the answer ends; None leaves the finish reason out."""

    reason: str | None


@dataclass
class Hangup:
    """Close the connection here."""


@dataclass
class Failure:
    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


_ids = itertools.count(1)


def call(name: str, /, **arguments: Any) -> Call:
    return Call(name, json.dumps(arguments), f"call_{next(_ids)}")


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: Any
    at: float


class ModelServer:
    """One loopback server; every request has a thread of its own."""

    def __init__(self, models: tuple[str, ...] = ("test-model",), port: int = 0) -> None:
        self.models = models
        self.models_status = 200
        """How the list of models is answered."""
        self.lists: threading.Event | None = None
        """If set, whatever is asked for besides answers waits for it."""
        self.requests: list[Request] = []
        self.closed = 0
        self.answered = 0
        """Answers that were taken to their end."""
        self.closed_at: list[float] = []
        self.default: list[Any] = ["ok"]
        self.usage = Usage()
        """What answers count as that do not say."""
        self.pieces_delay = 0.0
        self._answers: dict[str | None, deque[Any]] = defaultdict(deque)
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        handler = type("Handler", (_Handler,), {"owner": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return self._http.server_address[1]

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def chats(self) -> list[Request]:
        return [request for request in self.requests if request.path.endswith("/chat/completions")]

    def play(self, *pieces: Any, model: str | None = None) -> None:
        """Add one answer: str, Reasoning, Call, Pause, Usage, Finish, Hangup."""
        self._answers[model].append(list(pieces))

    def fail(self, status: int, body: Any, *, model: str | None = None, **headers: str) -> None:
        self._answers[model].append(Failure(status, body, headers))

    def next_answer(self, model: str) -> Any:
        with self._lock:
            for key in (model, None):
                if self._answers[key]:
                    return self._answers[key].popleft()
        return list(self.default)

    def close(self) -> None:
        self._stopping.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Handler(BaseHTTPRequestHandler):
    owner: ModelServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError):
            super().handle()

    def do_GET(self) -> None:
        self._record(None)
        if self.owner.lists is not None:
            self.owner.lists.wait()
        if self.owner.models_status != 200:
            self._json(self.owner.models_status, {"error": {"message": "bad key"}})
        elif self.path.rstrip("/").endswith("/models"):
            data = [{"id": model, "object": "model"} for model in self.owner.models]
            self._json(200, {"object": "list", "data": data})
        else:
            self._json(404, {"error": {"message": f"no {self.path}"}})

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(length) or b"null")
        self._record(body)
        if not self.path.endswith("/chat/completions"):
            self._json(404, {"error": {"message": f"no {self.path}"}})
            return
        answer = self.owner.next_answer(str((body or {}).get("model")))
        if isinstance(answer, Failure):
            self._json(answer.status, answer.body, answer.headers)
        else:
            self._stream(answer, body)

    def _record(self, body: Any) -> None:
        headers = {key.lower(): value for key, value in self.headers.items()}
        self.owner.requests.append(
            Request(self.command, self.path, headers, body, time.monotonic())
        )

    def _json(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        text = body if isinstance(body, str) else json.dumps(body)
        data = text.encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        for key, value in (headers or {}).items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, pieces: list[Any], body: Any) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        try:
            self._pieces(pieces, str(body.get("model")))
        except (ConnectionError, TimeoutError):
            self.owner.closed += 1
            self.owner.closed_at.append(time.monotonic())

    def _pieces(self, pieces: list[Any], model: str) -> None:
        finish: str | None = "stop"
        usage = self.owner.usage
        index = 0
        for piece in pieces:
            match piece:
                case str():
                    self._delta(model, {"content": piece})
                    if self.owner.pieces_delay:
                        time.sleep(self.owner.pieces_delay)
                case Reasoning(text):
                    self._delta(model, {"reasoning_content": text})
                case Call(name, arguments, call_id):
                    function = {"name": name, "arguments": arguments}
                    entry = {
                        "index": index,
                        "id": call_id,
                        "type": "function",
                        "function": function,
                    }
                    self._delta(model, {"tool_calls": [entry]})
                    finish, index = "tool_calls", index + 1
                case Pause(seconds, until):
                    self._wait(seconds, until)
                case Usage():
                    usage = piece
                case Finish(reason):
                    finish = reason
                case Hangup():
                    return
        if finish is not None:
            self._event(model, [{"index": 0, "delta": {}, "finish_reason": finish}])
        counts = {
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        }
        if usage.cost is not None:
            counts["cost"] = usage.cost
        self._event(model, [], usage=counts)
        self.wfile.write(b"data: [DONE]\n\n")
        self.owner.answered += 1

    def _wait(self, seconds: float, until: threading.Event | None) -> None:
        """Stay silent, but notice within 10 ms when the client has gone."""
        end = time.monotonic() + seconds
        self.connection.setblocking(False)
        try:
            while time.monotonic() < end and not self.owner._stopping.is_set():
                if until is not None and until.is_set():
                    return
                try:
                    if self.connection.recv(1) == b"":
                        raise ConnectionResetError
                except BlockingIOError:
                    time.sleep(0.01)
        finally:
            self.connection.setblocking(True)

    def _delta(self, model: str, delta: dict[str, Any]) -> None:
        self._event(model, [{"index": 0, "delta": delta, "finish_reason": None}])

    def _event(self, model: str, choices: list[Any], **more: Any) -> None:
        chunk = {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": model,
            "choices": choices,
            **more,
        }
        self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        self.wfile.flush()
