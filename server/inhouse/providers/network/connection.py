"""An open socket below `inhouse.providers.network.egress`, which counts its bytes."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Generator, Sequence

import httpcore2
from attrs import define, field

from inhouse.providers.network.fair_turns import fair_turns
from inhouse.providers.network.traffic_log import LOGS, HostTraffic, TrafficLog

READ_BYTES = 64 * 1024
AT_ONCE = 32 * 1024
"""Bytes of one read; others wait while these are processed."""
PROXY_SECONDS = 10.0
"""How long a proxy may take to open a connection."""


@define(eq=False)
class EgressConnection(httpcore2.AsyncNetworkStream):
    """An open socket that counts its bytes."""

    _socket: socket.socket | None
    host: str
    address: str
    local: bool
    endpoint: str
    deadline: float | None = None
    """The deadline of the next byte, in the loop's time; the reader extends it."""
    at_proxy: bool = False
    """Whether a proxy has not yet connected, so that an error is the proxy's, not the server's."""
    tunnel: bool = False
    """Whether a proxy opens a tunnel for TLS (CONNECT); otherwise it sees each request."""
    _reader: asyncio.StreamReader | None = field(default=None, init=False)
    _writer: asyncio.StreamWriter | None = field(default=None, init=False)
    _more: bool = field(default=False, init=False)
    """Whether the last read was full, so that the next one probably finds data."""
    _logs: tuple[TrafficLog, ...] = field(default=(), init=False)
    _counted: Sequence[HostTraffic] = field(default=(), init=False)
    """What `_logs` count of it."""

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> "EgressConnection":
        if self._writer is not None:  # a proxy has connected on it
            self.at_proxy = False
        with connecting(at_proxy=self.at_proxy):
            async with asyncio.timeout(timeout):
                if self._writer is None:
                    await self._open(ssl_context, server_hostname)
                else:
                    await self._writer.start_tls(ssl_context, server_hostname=server_hostname)
        self.at_proxy &= self.tunnel
        return self

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        if self.at_proxy:
            return await self._read_from_proxy(max_bytes)
        reader = self._reader or (await self._open())[0]
        most, deadline = min(max_bytes, AT_ONCE), self.deadline
        limit = asyncio.timeout(timeout) if deadline is None else asyncio.timeout_at(deadline)
        try:
            async with limit:
                # A read that finds something waiting would come back at once, again and again: it
                # would hold up whatever else this process has to do, and outlive its limit.
                is_late = deadline is not None and asyncio.get_running_loop().time() >= deadline
                if self._more or is_late:
                    await fair_turns().next()
                data = await reader.read(most)
        except TimeoutError as error:
            raise httpcore2.ReadTimeout(str(error)) from error
        except OSError as error:
            raise httpcore2.ReadError(str(error)) from error
        self._more = len(data) >= most
        for traffic in self._traffic():
            traffic.received += len(data)
        return data

    async def _read_from_proxy(self, max_bytes: int) -> bytes:
        reader = self._reader or (await self._open())[0]
        with connecting(at_proxy=True):
            async with asyncio.timeout(PROXY_SECONDS):
                data = await reader.read(max_bytes)
        if not data:
            raise httpcore2.ProxyError("it closed the connection")
        for traffic in self._traffic():
            traffic.received += len(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        writer = self._writer or (await self._open())[1]
        with _as_httpcore(httpcore2.WriteError, httpcore2.WriteTimeout):
            writer.write(buffer)
            async with asyncio.timeout(timeout):
                await writer.drain()
        for traffic in self._traffic():
            traffic.sent += len(buffer)

    async def aclose(self) -> None:
        """Close immediately; nothing that is still queued is worth waiting for."""
        if self._writer is not None:
            self._writer.transport.abort()
            await asyncio.sleep(0)  # the loop closes the socket at its next turn
        elif self._socket is not None:
            self._socket.close()
        self._socket = None

    def get_extra_info(self, info: str) -> object:
        if self._writer is None or self._reader is None:
            return None
        if info == "is_readable":  # an idle connection with something to read was closed
            return self._reader.at_eof() or self._writer.transport.is_closing()
        names = {"server_addr": "peername", "client_addr": "sockname"}
        return self._writer.get_extra_info(names.get(info, info))

    async def _open(
        self, tls: ssl.SSLContext | None = None, name: str | None = None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        opened = await asyncio.open_connection(
            sock=self._socket, limit=READ_BYTES, ssl=tls, server_hostname=name
        )
        self._reader, self._writer = opened
        return opened

    def _traffic(self) -> Sequence[HostTraffic]:
        """Give where the bytes of whoever reads or writes now are counted."""
        if (logs := LOGS.get()) is not self._logs:
            at = (self.host, self.address, self.local, self.endpoint)
            self._logs, self._counted = logs, [log.traffic_of(*at) for log in logs]
        return self._counted


@contextlib.contextmanager
def connecting(*, at_proxy: bool = False) -> Generator[None]:
    """Turn errors while connecting into httpcore's errors, which say whose fault it is."""
    try:
        with _as_httpcore(httpcore2.ConnectError, httpcore2.ConnectTimeout):
            yield
    except httpcore2.ConnectTimeout as error:
        if at_proxy:
            raise httpcore2.ProxyError(f"no answer within {PROXY_SECONDS:g} seconds") from error
        raise
    except httpcore2.ConnectError as error:
        if at_proxy:
            raise httpcore2.ProxyError(str(error)) from error
        raise


@contextlib.contextmanager
def _as_httpcore(failed: type[Exception], timed_out: type[Exception]) -> Generator[None]:
    try:
        yield
    except TimeoutError as error:
        raise timed_out(str(error)) from error
    except OSError as error:
        raise failed(str(error)) from error
