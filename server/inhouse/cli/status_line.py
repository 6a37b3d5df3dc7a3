"""The last line of a terminal while a run waits: what it is doing, and for how long."""

import asyncio
import contextlib
import os
import sys
import time

from rich.cells import cell_len, set_cell_size

from inhouse.core.unicode import visible

_EVERY_S = 0.2
_PATIENCE_S = 0.4
"""Seconds before anything is shown, since quick work needs no line."""
_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_ERASE = "\r\x1b[K"


class StatusLine:
    """One line on standard error, removed before anything else is printed.

    If standard error is not a terminal, or one without control sequences, it shows nothing.
    """

    def __init__(self) -> None:
        self._live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and os.name != "nt"
        self._what = ""
        self._tail = ""
        self._since = time.monotonic()
        self._drawn = self._held = False
        self._frame = 0
        self._task: asyncio.Task[None] | None = None

    def say(self, what: str, tail: str = "") -> None:
        """Show what is happening from now on; *tail* is the end of the text being written."""
        if what != self._what:
            self._what, self._since = what, time.monotonic()
        self._tail = tail
        if self._live and self._task is None:
            with contextlib.suppress(RuntimeError):  # without a loop nothing waits either
                self._task = asyncio.get_running_loop().create_task(self._tick(), name="status")

    def hold(self) -> None:
        """Show nothing until `go_on`, since a question is shown."""
        self.clear()
        self._held = True

    def go_on(self) -> None:
        """Show the line again."""
        self._held = False

    def clear(self) -> None:
        """Remove the line, since something is printed in its place."""
        if self._drawn:
            self._drawn = False
            self._write(_ERASE)

    def stop(self) -> None:
        """Remove the line for good."""
        self.clear()
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._what = ""

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_S)
            if not self._held and self._what and time.monotonic() - self._since > _PATIENCE_S:
                self._draw()

    def _draw(self) -> None:
        self._frame = (self._frame + 1) % len(_FRAMES)
        seconds = f" · {time.monotonic() - self._since:.0f} s"
        room = _columns() - cell_len(seconds) - 3
        text = " ".join(visible(f"{self._what}  {self._tail}").split())
        if cell_len(text) > room:
            text = set_cell_size(text, max(room - 1, 0)) + "…"
        self._drawn = True
        self._write(f"{_ERASE}{_FRAMES[self._frame]} {text}{seconds}")

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)
            sys.stderr.flush()


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError):
        return 80
