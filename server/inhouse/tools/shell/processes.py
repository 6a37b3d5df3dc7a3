"""Processes of commands: started apart from this one, and ended with all they started."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import uuid4

from attrs import frozen

MARK = "INHOUSE_COMMAND"
"""A variable by which what a command left behind is found again."""

_LINUX = sys.platform == "linux"
_PATIENCE = 3.0


@frozen
class Started:
    """A command that runs."""

    process: asyncio.subprocess.Process
    mark: str

    @property
    def pid(self) -> int:
        return self.process.pid


async def start(command: Sequence[str], *, cwd: Path, environment: Mapping[str, str]) -> Started:
    """Start *command* in a session of its own, with no input and with pipes for its output."""
    mark = uuid4().hex
    launcher = Path(__file__).with_name("launcher.py")
    wrapped = [sys.executable, "-I", "-S", str(launcher), str(os.getpid()), *command]
    process = await asyncio.create_subprocess_exec(
        *(wrapped if _LINUX else command),
        cwd=cwd,
        env={**environment, MARK: mark},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=os.name != "nt",
    )
    return Started(process, mark)


async def end(started: Started) -> None:
    """Kill a command and everything it started, and wait until they are gone.

    A cancelled caller still sends the first signal, and the rest goes on without it.
    """
    if started.process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            started.process.terminate() if _LINUX else _kill_group(started.pid)
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
    if not _LINUX or (process.returncode or 0) < 0:
        await asyncio.to_thread(_kill_marked, started.mark)


def _kill_group(pid: int) -> None:
    if os.name != "nt":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        return
    import psutil  # noqa: PLC0415  slow, and only here

    with contextlib.suppress(psutil.Error):
        top = psutil.Process(pid)
        for each in (*top.children(recursive=True), top):
            with contextlib.suppress(psutil.Error):
                each.kill()


def _kill_marked(mark: str) -> None:
    """Where nothing adopts orphans, find them by what they inherited."""
    import psutil  # noqa: PLC0415  slow, and only here

    for each in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if each.environ().get(MARK) == mark:
                each.kill()
