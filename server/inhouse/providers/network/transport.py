"""HTTP below `inhouse.providers.network.egress`, over checked connections."""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Generator, Iterable
from typing import Any, Protocol, cast

import httpcore2
import httpx2
from aiohappyeyeballs import (
    start_connection,  # pyright: ignore[reportUnknownVariableType]
)
from attrs import define

from inhouse.core.errors import ProviderError, RefusedError, UserError
from inhouse.core.own_environment import environment
from inhouse.core.route import Endpoint
from inhouse.providers.network.addresses import HttpAddress
from inhouse.providers.network.chunked_body import install
from inhouse.providers.network.connection import EgressConnection, connecting
from inhouse.providers.network.error_body import compressions, readable
from inhouse.providers.network.proxies import ProxyServer

install()
for _noisy in ("httpx2", "httpcore2", "openai"):
    # On a finer level they log URLs, headers and requests.
    logging.getLogger(_noisy).setLevel(logging.WARNING)

KEEP_ALIVE_SECONDS = 20.0
SENT_HEADERS = frozenset(
    {
        *(b"host", b"connection", b"content-length", b"content-type", b"transfer-encoding"),
        *(b"accept", b"accept-encoding", b"user-agent", b"authorization", b"api-key"),
    }
)
FIRST_FAILURE = 300
BRIEF_BYTES = 64 * 1024
BRIEF_SECONDS = 10.0


class ConnectionOpener(Protocol):
    """What a transport needs from `inhouse.providers.network.egress.Egress`."""

    async def allow(self, host: str, port: int, endpoint: Endpoint) -> "Allowed": ...
    async def allow_through(
        self, proxy: ProxyServer, address: HttpAddress, endpoint: Endpoint
    ) -> "Allowed": ...


class Allowed(Protocol):
    """A `Destination`, as this module sees it."""

    @property
    def host(self) -> str: ...
    @property
    def addresses(self) -> tuple[object, ...]: ...
    @property
    def port(self) -> int: ...
    @property
    def local(self) -> bool: ...


@define(eq=False)
class CheckedBackend(httpcore2.AsyncNetworkBackend):
    """Opens the connections of one endpoint: to its server, or to a proxy."""

    _door: ConnectionOpener
    _endpoint: Endpoint
    _address: HttpAddress
    _proxy: ProxyServer | None = None

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> EgressConnection:
        if (proxy := self._proxy) is not None:
            to = await self._door.allow_through(proxy, self._address, self._endpoint)
        else:
            to = await self._door.allow(host, port, self._endpoint)
        flags = socket.AI_NUMERICHOST  # No name server is asked.
        entries = [
            entry
            for address in to.addresses
            for entry in socket.getaddrinfo(
                str(address), port, type=socket.SOCK_STREAM, flags=flags
            )
        ]
        with connecting(at_proxy=proxy is not None):
            async with asyncio.timeout(timeout):
                connected = await start_connection(entries, happy_eyeballs_delay=0.25)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        address = str(connected.getpeername()[0])
        tunnel = proxy is not None and self._address.tls
        return EgressConnection(
            connected,
            to.host,
            address,
            to.local,
            self._endpoint.name,
            at_proxy=tunnel or (proxy is not None and proxy.tls),
            tunnel=tunnel,
        )

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> EgressConnection:
        connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connected.setblocking(False)  # noqa: FBT003
        try:
            with connecting():
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

    def __init__(
        self,
        door: ConnectionOpener,
        endpoint: Endpoint,
        address: HttpAddress,
        proxy: ProxyServer | None = None,
    ) -> None:
        local = address.unix_path is not None
        self._address = address
        self._endpoint = endpoint
        self._proxy = proxy
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls_context(endpoint) if address.tls else None,
            proxy=None if proxy is None else _proxy(proxy, endpoint),
            max_connections=None,
            max_keepalive_connections=8 if address.tls and not local else 0,
            keepalive_expiry=KEEP_ALIVE_SECONDS,
            uds=address.unix_path,
            network_backend=CheckedBackend(door, endpoint, address, proxy),
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
        limits: dict[str, float | None] = request.extensions.get("timeout", {})
        with _as_httpx(self._proxy):
            # One limit for all headers: dripping ones would never reach a limit for each read.
            async with asyncio.timeout(limits.get("read")):
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
        failed = response.status >= FIRST_FAILURE
        stream = cast("AsyncIterable[bytes]", response.stream)
        headers = httpx2.Headers(response.headers)
        encoding = headers.pop("content-encoding", "")
        body: httpx2.AsyncByteStream = _Body(stream)
        if failed:
            body = _ErrorBody(stream, extensions["network_stream"], encoding)
        elif compressions(encoding):
            await body.aclose()
            raise ProviderError(
                f"Endpoint {self._endpoint.name!r} sent a compressed answer although Inhouse "
                "asked it not to.  Turn compression off there, or in the proxy in front of it."
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

        Clients add more by themselves: openai reads OPENAI_CUSTOM_HEADERS and sends the system's
        name and version.
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

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx():
            async for part in self._stream:
                yield part

    async def aclose(self) -> None:
        close = getattr(self._stream, "aclose", None)
        if close is not None:
            await close()


@define(eq=False)
class _ErrorBody(_Body):
    """An error's words: a little is read, not for long, and the status counts if they break off."""

    _connection: EgressConnection
    _encoding: str

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._connection.deadline = asyncio.get_running_loop().time() + BRIEF_SECONDS
        data = b""
        with contextlib.suppress(httpx2.TransportError):
            async for part in super().__aiter__():
                data += part
                if len(data) >= BRIEF_BYTES:
                    break
        yield readable(data, self._encoding, limit=BRIEF_BYTES)


def tls_context(endpoint: Endpoint) -> ssl.SSLContext:
    """Return a context that trusts what the system trusts, plus what is named here.

    That is the endpoint's ``caFile``, and ``SSL_CERT_FILE``, which systems other than Linux ignore.
    Raises `UserError` if ``caFile`` cannot be used.
    """
    import truststore  # noqa: PLC0415  # only for https

    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if named := environment().get("SSL_CERT_FILE"):
        with contextlib.suppress(OSError):
            context.load_verify_locations(cafile=named)
    if endpoint.ca_file is not None:
        try:
            context.load_verify_locations(cafile=endpoint.ca_file)
        except OSError as error:
            why = (
                "cannot be read"
                if not isinstance(error, ssl.SSLError)
                else "contains no certificate"
            )
            raise UserError(
                f"{endpoint.ca_file} (caFile of endpoint {endpoint.name!r}) {why}.  Name a file of "
                "certificates in PEM form.",
                code="ca_file",
            ) from error
    return context


def _proxy(proxy: ProxyServer, endpoint: Endpoint) -> httpcore2.Proxy:
    return httpcore2.Proxy(
        proxy.url, auth=proxy.auth, ssl_context=tls_context(endpoint) if proxy.tls else None
    )


@contextlib.contextmanager
def _as_httpx(proxy: ProxyServer | None = None) -> Generator[None]:
    try:
        yield
    except TimeoutError as error:
        raise httpx2.ReadTimeout(str(error)) from error
    except httpcore2.ProxyError as error:
        raise httpx2.ProxyError(f"{error}|{proxy}") from error
    except (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError) as error:
        kind: type[Exception] = getattr(httpx2, type(error).__name__, httpx2.TransportError)
        raise kind(str(error)) from error
