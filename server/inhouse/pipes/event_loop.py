"""Pipes and sockets beside an event loop: read and written without ever blocking it."""

import asyncio
import contextlib
import os
import select
import sys
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from .standard_streams import read_some, write_all

Chunks = AsyncIterator[bytes]
FULL = 256 * 1024
"""Bytes in the queue above which streams hold back; answers are never held back."""
_AT_ONCE = getattr(select, "PIPE_BUF", 512)
"""A writable pipe accepts this much without blocking."""


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


class WriteQueue(Protocol):
    """Takes messages for the editor, in order."""

    def write(self, data: bytes) -> None:
        """Queue or write data.  Never blocks; data for an editor that has gone is dropped."""
        ...

    @property
    def full(self) -> bool: ...

    def when_room(self, callback: Callable[[], None]) -> None:
        """Call back, once, when the editor has read enough."""
        ...

    async def aclose(self, seconds: float) -> None:
        """Wait *seconds* for queued data to be read, then drop it."""
        ...


class PipeOutbox:
    """Writes to a pipe: immediately if there is room, else from a thread."""

    def __init__(self, descriptor: int, *, on_lost: Callable[[], None]) -> None:
        self._descriptor = descriptor
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._lost = False
        self._closing = False
        self._changed = threading.Condition()
        self._callbacks: list[Callable[[], None]] = []
        self._thread: threading.Thread | None = None

    @property
    def full(self) -> bool:
        return self._bytes > FULL

    def when_room(self, callback: Callable[[], None]) -> None:
        with self._changed:
            self._callbacks.append(callback)
            ready = self._bytes == 0
        if ready:
            self._call_back()

    def write(self, data: bytes) -> None:
        if self._lost:
            return
        if (
            self._bytes == 0
            and len(data) <= _AT_ONCE
            and sys.platform != "win32"
            and select.select((), (self._descriptor,), (), 0)[1]
        ):
            try:
                written = os.write(self._descriptor, data)
                if written < len(data):  # Not a pipe after all.
                    write_all(self._descriptor, data[written:])
            except OSError:
                self._lose()
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._drain, name="outbox", daemon=True)
            self._thread.start()
        with self._changed:
            self._waiting.append(data)
            self._bytes += len(data)
            self._changed.notify()

    async def aclose(self, seconds: float) -> None:
        deadline = self._loop.time() + seconds
        while self._bytes and not self._lost and self._loop.time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.01)  # Another thread writes, and the process is about to end.
        with self._changed:
            self._closing = True
            self._changed.notify()

    def _drain(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    return
                data = b"".join(self._waiting)
                self._waiting.clear()
            try:
                write_all(self._descriptor, data)
            except OSError:
                self._loop_call(self._lose)
                return
            with self._changed:
                self._bytes -= len(data)
            if not self.full:
                self._loop_call(self._call_back)

    def _loop_call(self, callback: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # The loop may be closed by now.
            self._loop.call_soon_threadsafe(callback)

    def _call_back(self) -> None:
        with self._changed:
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def _lose(self) -> None:
        if not self._lost:
            self._lost = True
            self._waiting.clear()
            self._bytes = 0
            self._on_lost()


class SocketOutbox:
    """Writes to a socket; asyncio buffers what the other side has not read yet."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._callbacks: list[Callable[[], None]] = []
        self._drained: asyncio.Task[None] | None = None
        writer.transport.set_write_buffer_limits(high=FULL)

    @property
    def full(self) -> bool:
        return self._writer.transport.get_write_buffer_size() > FULL

    def when_room(self, callback: Callable[[], None]) -> None:
        self._callbacks.append(callback)
        if self._drained is None:
            self._drained = asyncio.create_task(self._drain(), name="outbox")

    def write(self, data: bytes) -> None:
        if not self._writer.transport.is_closing():
            self._writer.write(data)

    async def aclose(self, seconds: float) -> None:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(seconds):
                await self._writer.drain()
        self._writer.close()
        if self._drained is not None:
            self._drained.cancel()

    async def _drain(self) -> None:
        with contextlib.suppress(OSError):
            await self._writer.drain()
        self._drained = None
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()
