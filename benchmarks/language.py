"""How quickly a definition file answers its writer, among 1,000 others and while runs stream.

    python benchmarks/language.py [--count 1000] [--keys 40]

Speaks LSP to `inhouse lsp` over a pipe, as an editor does.  Writes its section of
docs/benchmarks.md.
"""

import argparse
import contextlib
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sections
from editor import Editor

from definitions import lay_out

HERE = Path(__file__).resolve().parent
SAVED = "problems after a file changed on disk"
RUNS = 20
PACE = 0.005
PIECES = 100_000
TEXT = """export default {
  id: 'writing',
  displayName: 'Writing',
  model: 'a/b',
  toolNames: ['read_files', ''],
  stepPrompt: %s,
}
"""
Times = dict[str, list[float]]


class Writer(Editor):
    """An editor with one definition open."""

    def __init__(self, base_url: str, folder: Path) -> None:
        self._told = threading.Event()
        self._version = 1
        self.uri = (folder / ".agents" / "writing.ts").as_uri()
        self.other = folder / ".agents" / "agent-1.ts"
        super().__init__(base_url, folder)

    def open(self) -> None:
        item = {"uri": self.uri, "languageId": "typescript", "version": 1, "text": TEXT % "''"}
        self.notify("textDocument/didOpen", {"textDocument": item})

    def type(self, value: str) -> None:
        self._version += 1
        self._told.clear()
        document = {"uri": self.uri, "version": self._version}
        change = {"textDocument": document, "contentChanges": [{"text": TEXT % value}]}
        self.notify("textDocument/didChange", change)

    def ask(self, method: str, line: int, character: int) -> float:
        position = {"line": line, "character": character}
        params = {"textDocument": {"uri": self.uri}, "position": position}
        begin = time.perf_counter()
        answer = self.request(f"textDocument/{method}", params)
        assert answer, method
        return (time.perf_counter() - begin) * 1000

    def save(self, displayed: str) -> None:
        """Change another definition on disk, as another program would."""
        text = self.other.read_text()
        self._told.clear()
        self.other.write_text(re.sub("displayName: .*", f"displayName: {displayed},", text))

    def problems(self) -> None:
        assert self._told.wait(30), "no diagnostics came"

    def _take(self, now: int, message: Any) -> None:
        if message.get("method") == "textDocument/publishDiagnostics":
            if message["params"]["uri"] in {self.uri, self.other.as_uri()}:
                self._told.set()
        else:
            super()._take(now, message)


@contextlib.contextmanager
def slow_model() -> Iterator[str]:
    command = [sys.executable, str(HERE / "replay.py"), str(PIECES), str(PACE)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.kill()
        process.wait()


def write(editor: Writer, keys: int) -> Times:
    """Press keys; after each one ask what an editor asks, and wait for the problems."""
    times: Times = {"completion": [], "hover": [], "problems after a key": [], SAVED: []}
    for number in range(keys):
        begin = time.perf_counter()
        # Wrong and right in turn, so that there are problems to show or to take away.
        editor.type(f"'{'x' * number}'" if number % 2 else "5")
        times["completion"].append(editor.ask("completion", 4, 29))
        editor.problems()
        times["problems after a key"].append((time.perf_counter() - begin) * 1000)
        times["hover"].append(editor.ask("hover", 3, 4))
        begin = time.perf_counter()
        editor.save("'Saved'" if number % 2 else "5")
        editor.problems()
        times[SAVED].append((time.perf_counter() - begin) * 1000)
    return times


def measure(count: int, keys: int) -> dict[str, Times]:
    with tempfile.TemporaryDirectory() as name, slow_model() as url:
        folder = Path(name).resolve()
        lay_out(folder, count)
        editor = Writer(url, folder)
        try:
            editor.initialize()
            while len(editor.command("inhouse.agents")) <= count:
                time.sleep(0.2)
            editor.open()
            write(editor, 4)
            quiet = write(editor, keys)
            for number in range(RUNS):
                editor.run(f"run-{number}")
            time.sleep(1)
            busy = write(editor, keys)
            alive = sum(run["status"] == "running" for run in editor.command("inhouse.runs"))
            assert alive == RUNS, f"{alive} of {RUNS} runs were streaming to the end"
        finally:
            editor.process.kill()
    return {"": quiet, f", {RUNS} runs stream": busy}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--keys", type=int, default=40)
    arguments = parser.parse_args()
    found = measure(arguments.count, arguments.keys)
    rows = [
        ("what else the machine had to do (load average)", f"{os.getloadavg()[0]:.1f}", ""),
    ]
    rows += [
        (
            f"{name}, {arguments.count:,} definitions{when}: median (worst)",
            f"{statistics.median(times):.0f} ms ({max(times):.0f})",
            "< 200 ms" if name == SAVED else "< 100 ms",
        )
        for when, measured in found.items()
        for name, times in measured.items()
    ]
    sections.write("Writing a definition", "python benchmarks/language.py", rows)


if __name__ == "__main__":
    main()
