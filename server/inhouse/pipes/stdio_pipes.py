"""Read a pipe without blocking the event loop."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator

from .standard_streams import read_some

Chunks = AsyncIterator[bytes]


async def read_chunks(descriptor: int) -> Chunks:
    """Read a pipe from a thread, which works for files, pipes and consoles of every system."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[bytes] = asyncio.Queue()

    def read() -> None:
        with contextlib.suppress(RuntimeError):  # The loop may be closed by now.
            while data := read_some(descriptor):
                loop.call_soon_threadsafe(arrived.put_nowait, data)
            loop.call_soon_threadsafe(arrived.put_nowait, b"")

    threading.Thread(target=read, name="stdin", daemon=True).start()
    while data := await arrived.get():
        yield data
