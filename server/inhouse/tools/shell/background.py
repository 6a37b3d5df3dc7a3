"""Background commands: their new output since the last report, and how they ended."""

import asyncio
from collections.abc import Awaitable, Callable

from attrs import define, field

from inhouse.core.json_values import Json
from inhouse.core.ports import Arguments

from . import processes
from .laid_over import LaidOver
from .processes import Started
from .terminal_text import Kept

_PATIENCE = 1.0
_MOST_REPORTED = 20_000


@define
class Job:
    """A command that runs until the run that started it is over."""

    command: str
    started: Started
    missing: Callable[[Arguments], Awaitable[str]]
    """Says what a command that has ended missed."""
    laid: LaidOver | None = None
    output: Kept = field(factory=Kept)
    errors: Kept = field(factory=Kept)
    reading: asyncio.Task[None] | None = None
    _told: str | None = None
    _reported: str = ""
    """The end of what was reported before."""

    @property
    def pid(self) -> int:
        return self.started.pid

    @property
    def running(self) -> bool:
        return self.started.process.returncode is None

    async def report(self) -> Json:
        """Return the command's output since the last time, and its end if it has ended."""
        running = self.running
        if not running:
            await self.close()
        output, errors = self.output.text(), self.errors.text()
        self.output.clear()  # In place, since they are written to.
        self.errors.clear()
        result: Json = {
            "command": self.command,
            "processId": self.started.pid,
            "backgroundProcessStatus": "running" if running else "completed",
            "stdout": output,
        }
        if errors:
            result["stderr"] = errors
        if not running:
            result["exitCode"] = self.started.process.returncode
        said = f"{self._reported}\n{output}\n{errors}"
        told = (self._told or "", await self.missing({**result, "stdout": said}))
        self._reported = said[-_MOST_REPORTED:]
        if any(told):
            result["message"] = "  ".join(each for each in told if each)
        return result

    async def close(self) -> None:
        """End it and everything it started, and turn its changes into edits."""
        if self._told is not None:
            return
        self._told = ""
        await processes.end(self.started)
        if self.reading is not None:
            await asyncio.wait([self.reading], timeout=_PATIENCE)
            self.reading.cancel()
        if self.laid is not None:
            self._told = await self.laid.collect()
