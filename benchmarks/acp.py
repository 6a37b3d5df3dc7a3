"""The ACP door against the LSP door: pieces a second to the client's pipe, start, memory.

    python benchmarks/acp.py

Writes its section of docs/benchmarks.md.  The doors take turns, so that the ratio means something
on a busy machine too.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import sections
from editor import AGENT
from streaming import FLOOD, SETTLED, flood, replaying

ROUNDS = 3


class Client:
    """The smallest ACP client there is: one session, trusted, and what it is told."""

    def __init__(self, base_url: str, folder: Path) -> None:
        home = Path(tempfile.mkdtemp())
        # The user's own agent: nothing of a workspace has to be trusted.
        (home / ".agents").mkdir()
        (home / ".agents" / "bench.ts").write_text(AGENT)
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "inhouse", "acp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={
                **os.environ,
                "INHOUSE_HOME": tempfile.mkdtemp(),
                "HOME": str(home),
                "CODEBUFF_LOCAL_BASE_URL": base_url,
            },
        )
        self.folder = folder
        self.text = 0
        self._number = 0

    def initialize(self) -> float:
        """Return the milliseconds from the start of the process to the answer."""
        self.request("initialize", {"protocolVersion": 1, "clientCapabilities": {}})
        return (time.perf_counter() - self.started) * 1e3

    def request(self, method: str, params: Any) -> Any:
        """Return the answer; updates on the way to it are counted."""
        self._number += 1
        message = {"jsonrpc": "2.0", "id": self._number, "method": method, "params": params}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            told = json.loads(line)
            if told.get("id") == self._number:
                return told["result"]
            update = told.get("params", {}).get("update", {})
            if update.get("sessionUpdate") == "agent_message_chunk":
                self.text += len(update["content"]["text"])
        raise EOFError(method)

    def open(self) -> str:
        """Return the id of a new session."""
        folder = self.folder.as_posix()
        return self.request("session/new", {"cwd": folder, "mcpServers": []})["sessionId"]

    def prompt(self, session: str) -> None:
        blocks = [{"type": "text", "text": "/bench go"}]
        self.request("session/prompt", {"sessionId": session, "prompt": blocks})

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(20)


def acp_flood() -> float:
    """Return pieces a second to the client's end of the pipe."""
    with replaying(FLOOD) as (url, _), tempfile.TemporaryDirectory() as folder:
        client = Client(url, Path(folder).resolve())
        client.initialize()
        client.prompt(client.open())
        said, session = client.text, client.open()  # As in the LSP door: a session of its own.
        begin = time.perf_counter()
        client.prompt(session)
        took = time.perf_counter() - begin
        assert client.text == 2 * said, "text was lost"
        client.close()
    return FLOOD / took


def start() -> tuple[float, float]:
    """Return the milliseconds to ``initialize`` and the megabytes that an idle agent holds."""
    times: list[float] = []
    idle = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(5):
            client = Client("http://127.0.0.1:9/v1", Path(folder).resolve())
            times.append(client.initialize())
            time.sleep(SETTLED)
            idle = psutil.Process(client.process.pid).memory_info().rss / 1e6
            client.close()
    return statistics.median(times), idle


def main() -> None:
    lsp: list[float] = []
    acp: list[float] = []
    for _ in range(ROUNDS):
        lsp.append(flood()["per_second"])
        acp.append(acp_flood())
    initialize_ms, idle_mb = start()
    ratio = statistics.median(lsp) / statistics.median(acp)
    sections.write(
        "The ACP door",
        "python benchmarks/acp.py",
        [
            ("pieces a second to the LSP client's pipe", f"{statistics.median(lsp):,.0f}", ""),
            ("pieces a second to the ACP client's pipe", f"{statistics.median(acp):,.0f}", ""),
            ("LSP over ACP", f"{ratio:.2f}", "at most 1.3"),
            ("`initialize`, cold start", f"{initialize_ms:.0f} ms", "under 500 ms"),
            ("idle memory", f"{idle_mb:.0f} MB", "under 70 MB"),
        ],
    )


if __name__ == "__main__":
    main()
