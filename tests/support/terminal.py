"""The terminal door as a user has it: a real process in a workspace and a home of its own."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

AGENT = """
import type {{ AgentDefinition }} from './types'
export default {{
  id: '{id}',
  displayName: 'An agent',
  model: '{model}',
  instructionsPrompt: 'Be short.',
  {more}
}} satisfies AgentDefinition
"""


@frozen
class Done:
    status: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Terminal:
    """Runs ``inhouse`` in a workspace; nothing of the real user's settings or keys is seen."""

    def __init__(self, folder: Path) -> None:
        self.workspace = folder / "workspace"
        self.home = folder / "home"
        self.environ: dict[str, str] = {}
        (self.workspace / ".agents").mkdir(parents=True)
        self.home.mkdir()

    def agent(self, name: str = "helper", model: str = "some/model", more: str = "") -> Path:
        path = self.workspace / ".agents" / f"{name}.ts"
        path.write_text(AGENT.format(id=name, model=model, more=more))
        return path

    def settings(self, text: str) -> None:
        (self.workspace / "inhouse.toml").write_text(text)

    def user_settings(self, text: str) -> None:
        folder = self.home / "inhouse" / "config"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.toml").write_text(text)

    def __call__(self, *arguments: str, stdin: str = "", timeout: float = 60) -> Done:
        return self.run(self.command(*arguments), stdin=stdin, timeout=timeout)

    def run(self, command: Sequence[str], *, stdin: str = "", timeout: float = 60) -> Done:
        """Run any program as ``inhouse`` is run here."""
        done = subprocess.run(
            command,
            cwd=self.workspace,
            env=self.environment,
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def on_screen(self, *arguments: str, answers: Sequence[str] = (), timeout: float = 60) -> Done:
        """Run as a person does, on a terminal; each answer is typed when a question waits.

        ``COLUMNS`` is the width that the program believes in.
        """
        import pty  # there is none on Windows

        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            self.command(*arguments),
            cwd=self.workspace,
            env={**self.environment, "TERM": "xterm"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        seen, waiting = b"", list(answers)
        guard = threading.Timer(timeout, process.kill)
        guard.start()
        try:
            asked = 0
            with contextlib.suppress(OSError):  # the terminal is gone when the program is
                while chunk := os.read(ours, 65_536):
                    seen += chunk
                    if waiting and _WAITS.search(_STYLE.sub(b"", seen[asked:])):
                        asked = len(seen)
                        os.write(ours, f"{waiting.pop(0)}\n".encode())
            return Done(process.wait(), seen.decode().replace("\r\n", "\n"), "")
        finally:
            guard.cancel()
            os.close(ours)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.workspace,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "inhouse", *arguments]

    @property
    def environment(self) -> dict[str, str]:
        kept = ("PATH", "LANG", "SYSTEMROOT", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")
        return {
            **{name: os.environ[name] for name in kept if name in os.environ},
            "HOME": str(self.home),
            "INHOUSE_HOME": str(self.home / "inhouse"),
            "COLUMNS": "200",
            **self.environ,
        }


INTERRUPT = signal.SIGINT
_STYLE = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
_WAITS = re.compile(rb"(  (number|answer|[a-z/]+ \(Enter: [^)]*\))|\(\)|Prompt[^:]*): $")
