"""Processes of commands: started separately, and ended with everything they started."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import define, frozen

import inhouse.processes
from inhouse.processes import DEVNULL, MARK, PIPE, kill_marked, kill_tree, new_mark

_LINUX = sys.platform == "linux"
_PATIENCE = 3.0
_PROBE_SECONDS = 5.0
_MOST_TOLD = 16_384


@define
class Started:
    """A running command."""

    process: asyncio.subprocess.Process
    mark: str
    _report: int | None = None

    @property
    def pid(self) -> int:
        return self.process.pid

    def report(self) -> "Report":
        """Return the report on a command that has ended; only the first time."""
        if self._report is None:
            return Report()
        file, self._report = self._report, None
        try:
            line = os.read(file, _MOST_TOLD)
        except BlockingIOError:
            line = b""
        finally:
            os.close(file)
        told: dict[str, Any] = json.loads(line) if line else {}
        return Report(tuple(told.get("left", ())), told.get("failed"))


@frozen
class Report:
    """The launcher's report on a command."""

    left: tuple[str, ...] = ()
    """The command lines of processes that still ran after the command's end."""
    failed: str | None = None
    """Why the command could not be isolated and so was not run."""


async def start(
    command: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    spec: Mapping[str, object] | None = None,
    stdin: int = DEVNULL,
) -> Started:
    """Start *command* in its own session, with pipes for its output.

    *spec* says how it is isolated (`isolation.shut_off`), on Linux only.
    """
    mark = new_mark()
    reading, writing = os.pipe() if _LINUX else (None, None)
    try:
        process = await inhouse.processes.start(
            command if writing is None else _launched(command, writing, spec),
            cwd=cwd,
            environment={**environment, MARK: mark},
            stdin=stdin,
            stderr=PIPE,
            pass_fds=() if writing is None else (writing,),
        )
    except BaseException:
        if reading is not None:
            os.close(reading)
        raise
    finally:
        if writing is not None:
            os.close(writing)
    if reading is not None:
        os.set_blocking(reading, False)
    return Started(process, mark, reading)


async def can_run(prefix: Sequence[str], *, cwd: Path, spec: Mapping[str, object] | None) -> bool:
    """Try a way to isolate commands: many systems have the program but forbid the namespace."""
    started = await start(
        (*prefix, "/bin/sh", "-c", "exit 0"),
        cwd=cwd,
        environment={"PATH": os.environ.get("PATH", os.defpath)},
        spec=spec,
    )
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            await started.process.communicate()
            return started.process.returncode == 0 and started.report().failed is None
    except TimeoutError:
        return False
    finally:
        await end(started)


def _launched(
    command: Sequence[str], report: int, spec: Mapping[str, object] | None
) -> tuple[str, ...]:
    launcher = Path(__file__).with_name("launcher.py")
    told = (str(os.getpid()), str(report), json.dumps(spec) if spec else "")
    return (sys.executable, "-I", "-S", str(launcher), *told, *command)


async def end(started: Started) -> None:
    """Kill a command and everything it started, and wait until they are gone.

    If the caller is cancelled, the first signal is still sent and the rest continues without it.
    """
    if started.process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            started.process.terminate() if _LINUX else kill_tree(started.pid)
    task = asyncio.create_task(_finish(started), name=f"end-command-{started.pid}")
    _ending.add(task)
    task.add_done_callback(_ending.discard)
    await asyncio.shield(task)


_ending: set[asyncio.Task[None]] = set()


async def _finish(started: Started) -> None:
    process = started.process
    try:
        async with asyncio.timeout(_PATIENCE):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    started.report()  # It holds a file open.
    if not _LINUX or (process.returncode or 0) < 0:
        await asyncio.to_thread(kill_marked, started.mark)
