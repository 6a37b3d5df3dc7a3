"""Bridges a server on the user's loopback into the namespace of ``audit --verify``.

A namespace has its own loopback but shares the files: outside, a Unix socket leads to the server;
inside, the server's address and port lead to that socket.  What a run sends passes over the
namespace's loopback, where every packet is seen.
"""

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_BYTES = 64 * 1024


@asynccontextmanager
async def outside(relays: Sequence[dict[str, Any]]) -> AsyncGenerator[None]:
    """Connect each relay's Unix socket to its server while this is open."""
    async with AsyncExitStack() as stack:
        for relay in relays:
            server = await asyncio.start_unix_server(_to_server(relay), relay["socket"])
            stack.callback(server.close)
        yield


@contextmanager
def relaying(relays: Sequence[dict[str, Any]]) -> Generator[None]:
    """Inside the namespace, connect each server's address to its Unix socket, in a thread."""
    ready, loop = threading.Event(), asyncio.new_event_loop()
    failed: list[OSError] = []

    async def listen() -> None:
        try:
            for relay in relays:
                await asyncio.start_server(_to_socket(relay), relay["address"], relay["port"])
        except OSError as error:
            failed.append(error)
        ready.set()

    def work() -> None:
        loop.create_task(listen())
        loop.run_forever()

    threading.Thread(target=work, name="relays", daemon=True).start()
    ready.wait()
    if failed:
        raise SystemExit(f"The bridge to a server cannot be made: {failed[0]}")
    try:
        yield
    finally:
        loop.call_soon_threadsafe(loop.stop)


def _to_server(relay: dict[str, Any]) -> Callable[..., Coroutine[object, object, None]]:
    return _relay(lambda: asyncio.open_connection(relay["address"], relay["port"]))


def _to_socket(relay: dict[str, Any]) -> Callable[..., Coroutine[object, object, None]]:
    return _relay(lambda: asyncio.open_unix_connection(relay["socket"]))


def _relay(
    onwards: Callable[[], Coroutine[object, object, Streams]],
) -> Callable[..., Coroutine[object, object, None]]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await onwards()
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(_pump(reader, back), _pump(there, writer))

    return serve


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Forward everything; when one side ends, end the other."""
    with contextlib.suppress(OSError):
        while data := await reader.read(_BYTES):
            writer.write(data)
            await writer.drain()
    writer.close()
