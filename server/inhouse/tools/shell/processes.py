"""Processes of commands: started apart from this one, and ended with all they started."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import frozen

import inhouse.processes
from inhouse.processes import MARK, PIPE, kill_marked, kill_tree, new_mark

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
    mark = new_mark()
    launcher = Path(__file__).with_name("launcher.py")
    wrapped = [sys.executable, "-I", "-S", str(launcher), str(os.getpid()), *command]
    process = await inhouse.processes.start(
        wrapped if _LINUX else command,
        cwd=cwd,
        environment={**environment, MARK: mark},
        stderr=PIPE,
    )
    return Started(process, mark)


async def end(started: Started) -> None:
    """Kill a command and everything it started, and wait until they are gone.

    A cancelled caller still sends the first signal, and the rest goes on without it.
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
    if not _LINUX or (process.returncode or 0) < 0:
        await asyncio.to_thread(kill_marked, started.mark)
