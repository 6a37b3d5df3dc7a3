"""Sockets and HTTP below `inhouse.providers.egress`: connect to what was checked, and count."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Generator, Iterable
from typing import Any, Protocol, cast

import httpcore2
import httpx2
from aiohappyeyeballs import (
    start_connection,  # pyright: ignore[reportUnknownVariableType]
)
from attrs import define, field

from inhouse.core.errors import ProviderError, RefusedError
from inhouse.core.route import Endpoint
from inhouse.providers.contacts import Tally, current_logs
from inhouse.providers.urls import HttpAddress

READ_BYTES = 64 * 1024
KEEP_ALIVE_SECONDS = 20.0
SENT_HEADERS = frozenset(
    {
        *(b"host", b"connection", b"content-length", b"content-type", b"transfer-encoding"),
        *(b"accept", b"accept-encoding", b"user-agent", b"authorization"),
    }
)
FIRST_FAILURE = 300
BRIEF_BYTES = 64 * 1024
BRIEF_SECONDS = 10.0


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
        with _connecting():
            async with asyncio.timeout(timeout):
                await self._open(ssl=ssl_context, server_hostname=server_hostname)
        return self

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        reader, _ = await self._streams()
        limit = (
            asyncio.timeout(timeout) if self.deadline is None else asyncio.timeout_at(self.deadline)
        )
        with _as_httpcore(httpcore2.ReadError, httpcore2.ReadTimeout):
            async with limit:
                data = await reader.read(max_bytes)
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

    def _tallies(self) -> Iterable[Tally]:
        for log in current_logs():
            yield log.tally(
                host=self.host, address=self.address, local=self.local, endpoint=self.endpoint
            )


class Door(Protocol):
    """What a transport needs of `inhouse.providers.egress.Egress`."""

    async def allow(self, host: str, port: int, endpoint: Endpoint) -> "Allowed": ...


class Allowed(Protocol):
    """A `Destination`, as this module sees it."""

    @property
    def host(self) -> str: ...
    @property
    def addresses(self) -> tuple[Any, ...]: ...
    @property
    def port(self) -> int: ...
    @property
    def local(self) -> bool: ...


@define(eq=False)
class _Backend(httpcore2.AsyncNetworkBackend):
    _door: Door
    _endpoint: Endpoint

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> EgressConnection:
        to = await self._door.allow(host, port, self._endpoint)
        entries = [entry for address in to.addresses for entry in _numeric(str(address), port)]
        with _connecting():
            async with asyncio.timeout(timeout):
                connected = await start_connection(entries, happy_eyeballs_delay=0.25)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        address = str(connected.getpeername()[0])
        return EgressConnection(connected, to.host, address, to.local, self._endpoint.name)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> EgressConnection:
        connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connected.setblocking(False)  # noqa: FBT003
        try:
            with _connecting():
                async with asyncio.timeout(timeout):
                    await asyncio.get_running_loop().sock_connect(connected, path)
        except BaseException:
            connected.close()
            raise
        return EgressConnection(
            connected, host=f"unix:{path}", address=path, local=True, endpoint=self._endpoint.name
        )

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class EgressTransport(httpx2.AsyncBaseTransport):
    """HTTP over connections that egress opened, for one endpoint."""

    def __init__(self, door: Door, endpoint: Endpoint, address: HttpAddress) -> None:
        local = address.unix_path is not None
        self._address = address
        self._endpoint = endpoint
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls_context(endpoint.ca_file) if address.tls else None,
            max_connections=None,
            max_keepalive_connections=8 if address.tls and not local else 0,
            keepalive_expiry=KEEP_ALIVE_SECONDS,
            uds=address.unix_path,
            network_backend=_Backend(door, endpoint),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        if (url.host, url.port or (443 if url.scheme == "https" else 80)) != (
            httpx2.URL(self._address.url).host,
            self._address.port,
        ):
            raise RefusedError(
                f"Endpoint {self._endpoint.name!r} may only be asked at {self._address.url}, "
                f"not at {url.host}.",
                f"Correct `inhouse.endpoints.{self._endpoint.name}.baseUrl`.",
            )
        with _as_httpx():
            response = await self._pool.handle_async_request(
                httpcore2.Request(
                    method=request.method,
                    url=httpcore2.URL(
                        scheme=url.raw_scheme,
                        host=url.raw_host,
                        port=url.port,
                        target=url.raw_path,
                    ),
                    headers=self._headers(request),
                    content=cast("AsyncIterable[bytes]", request.stream),
                    extensions=request.extensions,
                )
            )
        extensions = cast("dict[str, Any]", response.extensions)  # pyright: ignore[reportUnknownMemberType]
        body = _Body(
            cast("AsyncIterable[bytes]", response.stream),
            extensions["network_stream"],
            brief=response.status >= FIRST_FAILURE,
        )
        headers = httpx2.Headers(response.headers)
        if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
            await body.aclose()
            raise ProviderError(
                f"Endpoint {self._endpoint.name!r} sent a compressed answer although it was asked "
                "not to.  Switch compression off there, or in the proxy before it."
            )
        return httpx2.Response(
            status_code=response.status,
            headers=headers,
            stream=body,
            extensions=extensions,
        )

    async def aclose(self) -> None:
        await self._pool.aclose()

    def _headers(self, request: httpx2.Request) -> list[tuple[bytes, bytes]]:
        """Keep what HTTP needs and what the endpoint's own source says.

        Clients add more of their own accord: openai reads OPENAI_CUSTOM_HEADERS and tells the
        system's name and version.
        """
        own = {name.lower().encode() for name in self._endpoint.headers}
        return [
            (name, value)
            for name, value in request.headers.raw
            if name.lower() in SENT_HEADERS or name.lower() in own
        ]


@define(eq=False)
class _Body(httpx2.AsyncByteStream):
    _stream: AsyncIterable[bytes]
    _connection: EgressConnection
    brief: bool
    """An answer that only says what went wrong: read a little of it, and not for long."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = BRIEF_BYTES
        if self.brief:
            self._connection.deadline = asyncio.get_running_loop().time() + BRIEF_SECONDS
        with _as_httpx():
            async for part in self._stream:
                yield part
                left -= len(part)
                if self.brief and left <= 0:
                    break

    async def aclose(self) -> None:
        close = getattr(self._stream, "aclose", None)
        if close is not None:
            await close()


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Return a context that trusts what the system trusts, and one authority file more."""
    import truststore  # noqa: PLC0415  # only for https

    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context


def _numeric(address: str, port: int) -> list[Any]:
    """Return what `socket.connect` takes; AI_NUMERICHOST asks no name server."""
    flags = socket.AI_NUMERICHOST
    return socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=flags)


@contextlib.contextmanager
def _as_httpcore(failed: type[Exception], timed_out: type[Exception]) -> Generator[None]:
    try:
        yield
    except TimeoutError as error:
        raise timed_out(str(error)) from error
    except OSError as error:
        raise failed(str(error)) from error


def _connecting() -> contextlib.AbstractContextManager[None]:
    return _as_httpcore(httpcore2.ConnectError, httpcore2.ConnectTimeout)


@contextlib.contextmanager
def _as_httpx() -> Generator[None]:
    try:
        yield
    except (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError) as error:
        kind: type[Exception] = getattr(httpx2, type(error).__name__, httpx2.TransportError)
        raise kind(str(error)) from error
