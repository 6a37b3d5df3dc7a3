"""One open socket below `inhouse.providers.network.egress`: it counts what passes."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Generator, Iterable
from typing import Any

import httpcore2
from attrs import define, field

from inhouse.providers.network.traffic_log import HostTraffic, current_logs

READ_BYTES = 64 * 1024
AT_ONCE = 8 * 1024
"""Bytes of one read: others wait while what it holds is worked on."""


@define(eq=False)
class EgressConnection(httpcore2.AsyncNetworkStream):
    """One open socket that counts what passes."""

    _socket: socket.socket | None
    host: str
    address: str
    local: bool
    endpoint: str
    deadline: float | None = None
    """When the next byte must have come, in the loop's time; whoever reads moves it on."""
    _reader: asyncio.StreamReader | None = field(default=None, init=False)
    _writer: asyncio.StreamWriter | None = field(default=None, init=False)

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> "EgressConnection":
        with connecting():
            async with asyncio.timeout(timeout):
                if self._writer is None:
                    await self._open(ssl=ssl_context, server_hostname=server_hostname)
                else:  # a proxy has opened the way on it
                    await self._writer.start_tls(ssl_context, server_hostname=server_hostname)
        return self

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        reader, _ = await self._streams()
        limit = (
            asyncio.timeout(timeout) if self.deadline is None else asyncio.timeout_at(self.deadline)
        )
        with _as_httpcore(httpcore2.ReadError, httpcore2.ReadTimeout):
            async with limit:
                # A read that finds something waiting would come back at once, again and again: it
                # would hold up whatever else this process has to do, and outlive its limit.
                await asyncio.sleep(0)
                data = await reader.read(min(max_bytes, AT_ONCE))
        for tally in self._tallies():
            tally.received += len(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        _, writer = await self._streams()
        with _as_httpcore(httpcore2.WriteError, httpcore2.WriteTimeout):
            writer.write(buffer)
            async with asyncio.timeout(timeout):
                await writer.drain()
        for tally in self._tallies():
            tally.sent += len(buffer)

    async def aclose(self) -> None:
        """Close at once: nothing that is still queued is worth waiting for."""
        if self._writer is not None:
            self._writer.transport.abort()
            await asyncio.sleep(0)  # the loop closes the socket at its next turn
        elif self._socket is not None:
            self._socket.close()
        self._socket = None

    def get_extra_info(self, info: str) -> Any:
        if self._writer is None or self._reader is None:
            return None
        if info == "is_readable":  # an idle connection with something to read was hung up
            return self._reader.at_eof() or self._writer.transport.is_closing()
        names = {"server_addr": "peername", "client_addr": "sockname"}
        return self._writer.get_extra_info(names.get(info, info))

    async def _streams(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._reader is None or self._writer is None:
            return await self._open()
        return self._reader, self._writer

    async def _open(self, **tls: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        opened = await asyncio.open_connection(sock=self._socket, limit=READ_BYTES, **tls)
        self._reader, self._writer = opened
        return opened

    def _tallies(self) -> Iterable[HostTraffic]:
        for log in current_logs():
            yield log.tally(
                host=self.host, address=self.address, local=self.local, endpoint=self.endpoint
            )


def connecting() -> contextlib.AbstractContextManager[None]:
    return _as_httpcore(httpcore2.ConnectError, httpcore2.ConnectTimeout)


@contextlib.contextmanager
def _as_httpcore(failed: type[Exception], timed_out: type[Exception]) -> Generator[None]:
    try:
        yield
    except TimeoutError as error:
        raise timed_out(str(error)) from error
    except OSError as error:
        raise failed(str(error)) from error
