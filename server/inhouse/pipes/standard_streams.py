"""Standard input and output before there is an event loop.  Imports nothing that takes long."""

import contextlib
import os
import signal
import sys
from collections.abc import Generator
from types import FrameType

PIECE = 1 << 16
ENDING = (signal.SIGTERM, signal.SIGINT)
"""How a system or a user asks a process to end."""


def take_over_stdio() -> tuple[int, int]:
    """Reserve both pipes, so that no stray print or child process can use them.

    Returns the descriptors to read from and to write to.
    """
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415

        for descriptor in (0, 1):
            msvcrt.setmode(descriptor, os.O_BINARY)
    source, target = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return source, target


def read_some(descriptor: int) -> bytes:
    """Read what has come, waiting until something has; nothing at the end or if it breaks."""
    try:
        return os.read(descriptor, PIECE)
    except OSError:
        return b""


def write_all(descriptor: int, data: bytes) -> None:
    """Write everything, waiting if the other side reads slowly.  Raises `OSError`."""
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


@contextlib.contextmanager
def leaving_when_asked() -> Generator[None]:
    """End this process, which has nothing to lose yet, at once and quietly if it is asked to."""

    def leave(_: int, __: FrameType | None) -> None:
        os._exit(0)

    before = {number: signal.getsignal(number) for number in ENDING}
    before = {number: one for number, one in before.items() if one != signal.SIG_IGN}
    for number in before:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
