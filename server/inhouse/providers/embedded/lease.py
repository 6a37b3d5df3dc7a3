"""One process's registration as a user of an embedded server.  Everything here blocks."""

import contextlib
import hashlib
import json
import os
import secrets
import time
from pathlib import Path
from typing import IO, Any

import filelock
import psutil
from attrs import define, field

from inhouse import processes
from inhouse.core.errors import ProviderError
from inhouse.core.secret import Secret
from inhouse.providers.embedded.child import SWEEP_SECONDS
from inhouse.providers.embedded.running_server import ALIAS, EmbeddedServerHandle

START_SECONDS = 180.0


@define(eq=False)
class ServerLease:
    """The registration of this process as a user of one server.  Its methods block."""

    folder: Path
    model: Path
    window: int
    runtime: Path
    """A folder of modules besides those of this installation."""
    _state: dict[str, Any] = field(factory=dict[str, Any])
    _place: filelock.BaseFileLock | None = None
    _child: "processes.TextProcess | None" = None

    def join(self) -> None:
        clients = self.folder / "clients"
        clients.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        with filelock.FileLock(self.folder / "start.lock", timeout=START_SECONDS):
            name = f"{os.getpid()}-{secrets.token_hex(4)}.lock"
            self._place = filelock.FileLock(clients / name, thread_local=False)
            self._place.acquire()
            self._state = _read_state(self.folder)
            if not _is_running(self._state):
                self._state = self._start()
                _write_state(self.folder, self._state)

    def leave(self) -> None:
        if self._place is not None:
            self._place.release()
            Path(self._place.lock_file).unlink(missing_ok=True)
            self._place = None
        child, self._child = self._child, None
        if list(self.folder.glob("clients/*.lock")):
            time.sleep(2 * SWEEP_SECONDS)  # a file may be left of a process that is gone
        if not list(self.folder.glob("clients/*.lock")):
            self._wait_for_end()
        if child is not None:
            child.poll()
            child.returncode = child.returncode or 0  # others may still use it: no warning

    def _wait_for_end(self) -> None:
        if not _is_running(self._state):
            return
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(int(self._state["pid"]))
            try:
                process.wait(timeout=2)
            except psutil.TimeoutExpired:
                if not list(self.folder.glob("clients/*.lock")):
                    process.kill()

    def is_alive(self) -> bool:
        return _is_running(self._state)

    def running(self) -> EmbeddedServerHandle:
        return EmbeddedServerHandle(
            f"{self._state['url']}/v1", Secret(self._state["key"]), self.model
        )

    def _start(self) -> dict[str, Any]:
        key = secrets.token_urlsafe(24)
        settings = {
            "model": str(self.model),
            "key": key,
            "window": self.window,
            "threads": max(1, min(8, (os.cpu_count() or 2) // 2)),
            "alias": ALIAS,
            "folder": str(self.folder),
            "runtime": str(self.runtime),
        }
        log = self.folder / "server.log"
        with log.open("w") as errors:
            child = self._child = processes.start_text(
                processes.python("inhouse.providers.embedded.child"),
                errors=errors,
                cwd=self.folder,
            )
        ready = _handshake(child, settings)
        if "url" not in ready:
            child.wait()
            self._child = None
            raise ProviderError(
                f"The embedded model did not start with {self.model}: "
                f"{ready.get('error') or 'the process ended'}.  Its log is {log}.  "
                "Is the file a complete GGUF model, and is there enough memory?",
                code="embedded_failed",
            )
        born = psutil.Process(child.pid).create_time()
        return {"url": ready["url"], "key": key, "pid": child.pid, "born": born}


def _handshake(child: processes.TextProcess, settings: dict[str, Any]) -> dict[str, Any]:
    stdin, stdout = child.stdin, child.stdout
    assert stdin is not None  # noqa: S101
    assert stdout is not None  # noqa: S101
    line = ""
    try:
        with stdin, stdout:
            stdin.write(json.dumps(settings) + "\n")
            stdin.flush()
            line = _first_json_line(stdout)
    except OSError:
        pass
    return json.loads(line) if line else {}


def _first_json_line(stdout: IO[str]) -> str:
    for line in stdout:
        if line.startswith("{"):
            return line
    return ""


def _is_running(state: dict[str, Any]) -> bool:
    try:
        process = psutil.Process(int(state["pid"]))
        is_it = abs(process.create_time() - float(state["born"])) < 1
        return is_it and process.status() != psutil.STATUS_ZOMBIE
    except (KeyError, ValueError, TypeError, psutil.Error):
        return False


def _read_state(folder: Path) -> dict[str, Any]:
    try:
        return json.loads((folder / "running.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def _write_state(folder: Path, state: dict[str, Any]) -> None:
    path = folder / "running.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(state), "utf-8")


def folder_name(model: Path, window: int) -> str:
    stamp = model.stat()
    text = f"{model.resolve()}|{stamp.st_size}|{stamp.st_mtime_ns}|{window}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
