"""Take over standard input and output, and read a pipe without blocking the event loop."""

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import AsyncIterator

_PIECE = 1 << 16
Chunks = AsyncIterator[bytes]


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


async def read_chunks(descriptor: int) -> Chunks:
    """Read a pipe from a thread, which works for files, pipes and consoles of every system."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[bytes] = asyncio.Queue()

    def read() -> None:
        with contextlib.suppress(RuntimeError):  # The loop may be closed by now.
            while data := _read_some(descriptor):
                loop.call_soon_threadsafe(arrived.put_nowait, data)
            loop.call_soon_threadsafe(arrived.put_nowait, b"")

    threading.Thread(target=read, name="stdin", daemon=True).start()
    while data := await arrived.get():
        yield data


def _read_some(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _PIECE)
    except OSError:
        return b""
