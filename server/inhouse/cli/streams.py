"""The three standard streams: open what the caller closed, UTF-8 on every pipe and console."""

import asyncio
import contextlib
import io
import os
import stat
import sys
import threading
from collections.abc import Callable, Generator
from typing import IO, TypeVar

from inhouse.core.own_thread import in_own_thread

_PATIENCE_S = 3.0
"""Seconds that a prompt waits for the first byte of piped input."""
_PIECE = 65_536
_Answer = TypeVar("_Answer")


def prepare() -> None:
    """Make the standard streams usable, whatever they are.

    With a closed stream, Python would crash at the first output, and its number would go to the
    next opened file.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            os.fstat(getattr(sys, name).fileno())
            _speak_utf8(getattr(sys, name), reads=mode == "r")
            continue
        setattr(sys, name, _nothing(number, mode))


def _speak_utf8(stream: object, *, reads: bool) -> None:
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding="utf-8-sig" if reads else "utf-8", errors="replace")


def _nothing(number: int, mode: str) -> IO[str]:
    """Open the null device under a standard stream's own number."""
    opened = os.open(os.devnull, os.O_RDONLY if mode == "r" else os.O_WRONLY)
    if opened != number:
        os.dup2(opened, number)
        os.close(opened)
    return open(number, mode, encoding="utf-8", closefd=False)


def is_terminal() -> bool:
    """Return whether a person can be asked: input and output are terminals."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def is_piped() -> bool:
    """Return whether standard input is a file or a pipe: something that ends."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


async def piped_text(*, patience: float | None = None) -> str | None:
    """Return all of standard input; None if nothing comes within *patience* seconds.

    A parent program often leaves a pipe open that nobody writes to.
    """
    loop = asyncio.get_running_loop()
    first: asyncio.Future[None] = loop.create_future()
    ended: asyncio.Future[str] = loop.create_future()
    parts: list[bytes] = []

    def tell(future: "asyncio.Future[None]") -> None:
        if not future.done():
            future.set_result(None)

    def finish() -> None:
        tell(first)
        if not ended.done():
            text = b"".join(parts).decode("utf-8-sig", "replace")
            ended.set_result(text.replace("\r\n", "\n").rstrip("\n"))

    def read() -> None:
        # Bypass Python's buffer: a thread that waits in it would keep Python from ending.
        with contextlib.suppress(OSError, RuntimeError):
            while piece := os.read(number, _PIECE):
                parts.append(piece)
                if len(parts) == 1:
                    loop.call_soon_threadsafe(tell, first)
        with contextlib.suppress(RuntimeError):  # The loop has ended meanwhile.
            loop.call_soon_threadsafe(finish)

    number = sys.stdin.fileno()
    threading.Thread(target=read, name="standard input", daemon=True).start()
    if patience is not None:
        await asyncio.wait([first], timeout=patience)
        if not first.done():
            return None
    return await ended


async def typed(ask: Callable[[], _Answer]) -> _Answer:
    """Return what *ask* reads from the terminal; Ctrl-C ends the wait immediately."""
    with _as_it_was():
        try:
            return await asyncio.wrap_future(in_own_thread(ask, "typed"))
        except asyncio.CancelledError:
            sys.stderr.write("\n")  # The shell's next line does not begin behind the question.
            raise


@contextlib.contextmanager
def _as_it_was() -> Generator[None]:
    """Leave the terminal as it was: a key that is typed is not echoed."""
    try:
        import termios  # noqa: PLC0415  not on every system

        file = sys.stdin.fileno()
        before = termios.tcgetattr(file)
    except Exception:  # noqa: BLE001  no terminal, or a system that has none of this kind
        yield
        return
    try:
        yield
    finally:
        termios.tcsetattr(file, termios.TCSANOW, before)


async def beside_a_prompt() -> str | None:
    """Return input piped in addition to a prompt; None if there is none."""
    return await piped_text(patience=_PATIENCE_S)
