"""The smallest editor there is: speaks LSP to ``inhouse lsp`` over pipes, and keeps the time."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

AGENT = """export default {
  id: 'bench', displayName: 'Bench', model: 'bench', toolNames: TOOLS,
}
"""


class Editor:
    """One language server and what it says."""

    def __init__(
        self,
        base_url: str,
        folder: Path,
        *,
        command: tuple[str, ...] = ("-m", "inhouse"),
        more: Mapping[str, str] = MappingProxyType({}),
        tools: Sequence[str] = (),
    ) -> None:
        (folder / ".agents").mkdir(parents=True, exist_ok=True)
        agent = AGENT.replace("TOOLS", json.dumps(list(tools)))
        definition = folder / ".agents" / "bench.ts"
        if not definition.exists() or definition.read_text() != agent:
            definition.write_text(agent)  # Written again, it would look like a new one.
        environ = {
            **os.environ,
            "INHOUSE_HOME": tempfile.mkdtemp(),
            "HOME": tempfile.mkdtemp(),
            "CODEBUFF_LOCAL_BASE_URL": base_url,
            **more,
        }
        self.folder = folder
        self.started = time.monotonic_ns()
        self.process = subprocess.Popen(
            [sys.executable, *command, "lsp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environ,
        )
        self.notifications = 0
        self.applied: list[float] = []
        """When the server asked to apply an edit: seconds of the monotonic clock."""
        self.on_events: dict[str, Callable[[int, list[dict[str, Any]]], None]] = {}
        self._answers: dict[int, Any] = {}
        self._waiting: dict[int, threading.Event] = {}
        self._number = 0
        threading.Thread(target=self._read, daemon=True).start()

    def initialize(self, *, registers: bool = False) -> float:
        """Give the milliseconds from the start of the process to the answer.

        *registers*: the client takes commands that are registered later.
        """
        can: dict[str, Any] = {"workspace": {"applyEdit": True}}
        if registers:
            can["workspace"]["executeCommand"] = {"dynamicRegistration": True}
        folder = {"uri": self.folder.as_uri(), "name": "bench"}
        self.request(
            "initialize",
            {
                "processId": os.getpid(),
                "rootUri": self.folder.as_uri(),
                "workspaceFolders": [folder],
                "capabilities": can,
                "initializationOptions": {"trusted": True, "inhouse": {"edits": "apply"}},
            },
        )
        took = (time.monotonic_ns() - self.started) / 1e6
        self.notify("initialized", {})
        return took

    def run(self, token: str, prompt: str = "go") -> str:
        """Start a run whose events go to ``on_events[token]``; give its id."""
        argument = {"agent": "bench", "prompt": prompt, "streamToken": token}
        return self.command("inhouse.run", argument)["runId"]

    def command(self, name: str, *arguments: Any) -> Any:
        params = {"command": name, "arguments": list(arguments)}
        return self.request("workspace/executeCommand", params)

    def request(self, method: str, params: Any) -> Any:
        self._number += 1
        number = self._number
        answered = self._waiting[number] = threading.Event()
        self._send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        if not answered.wait(60):
            raise TimeoutError(method)
        answer = self._answers.pop(number)
        if "error" in answer:
            raise RuntimeError(answer["error"]["message"])
        return answer["result"]

    def notify(self, method: str, params: Any) -> None:
        self._send({"jsonrpc": "2.0", "method": method, "params": params})

    def close(self) -> None:
        self.request("shutdown", None)
        self.notify("exit", None)
        self.process.wait(20)

    def _send(self, message: Any) -> None:
        body = json.dumps(message).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self.process.stdin.flush()

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        while line := stream.readline():
            length = 0
            while line.strip():
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
                line = stream.readline()
            body = stream.read(length)
            self._take(time.monotonic_ns(), json.loads(body))

    def _take(self, now: int, message: Any) -> None:
        method = message.get("method")
        if method == "$/progress":
            self.notifications += 1
            listener = self.on_events.get(message["params"]["token"])
            if listener is not None:
                listener(now, message["params"]["value"]["events"])
        elif method == "workspace/applyEdit":
            self.applied.append(now / 1e9)
            self._send({"jsonrpc": "2.0", "id": message["id"], "result": {"applied": True}})
        elif method is not None and "id" in message:
            self._send({"jsonrpc": "2.0", "id": message["id"], "result": None})
        elif "id" in message:
            self._answers[message["id"]] = message
            self._waiting.pop(message["id"]).set()


class Collector:
    """Takes one run's events."""

    def __init__(self) -> None:
        self.pieces = 0
        """Words that came: a piece is one, and an event may hold several."""
        self.text: list[str] = []
        self.stamps: list[int] = []
        """When each piece was sent, where it says so: nanoseconds of the monotonic clock."""
        self.delays_ms: list[float] = []
        self.first: int | None = None
        self.last = 0
        self.finished = threading.Event()

    def __call__(self, now: int, events: list[dict[str, Any]]) -> None:
        for event in events:
            if event["kind"] == "text":
                self.first = self.first or now
                self.text.append(event["delta"])
                words = event["delta"].split()
                self.pieces += len(words)
                for stamp in map(int, filter(str.isdigit, words)):
                    self.stamps.append(stamp)
                    self.delays_ms.append((now - stamp) / 1e6)
            elif event["kind"] == "finish":
                self.last = now
                self.finished.set()
