"""The only way to the network: every connection is checked, opened and counted here.

A host's name is resolved once, each address is checked against the policy, and only a checked
address is connected to.  No redirect, no ``Alt-Svc`` and no cookie is followed.  A proxy that the
environment names is used only for remote hosts, never under ``local-only``, and is itself recorded
with every byte that goes through it.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Self

from attrs import frozen

from inhouse.core.errors import InhouseError, ProviderUnavailableError, RefusedError
from inhouse.core.own_environment import environment
from inhouse.core.route import Endpoint, Privacy
from inhouse.providers.network.addresses import (
    HostName,
    HttpAddress,
    IPAddress,
    all_ours,
    http_address,
    is_here,
    is_public,
    read_host,
    read_networks,
)
from inhouse.providers.network.proxies import ProxyServer, named_proxy
from inhouse.providers.network.traffic_log import TrafficLog, recording

if TYPE_CHECKING:
    import httpx2

AskHost = Callable[[str, Endpoint], Awaitable[bool]]
"""Asks the user whether a remote host (``name:port``) may be contacted, and remembers."""

EMBEDDED = "embedded:"
"""The URL of a server that is not started yet; once started it listens on loopback."""

CONNECT_SECONDS = 10.0
RESOLVE_SECONDS = 5.0
PROBE_SECONDS = 3.0


@frozen
class EgressPolicy:
    """Which hosts may be contacted."""

    privacy: Privacy = Privacy.ANY
    privacy_source: str = "default"
    """Where ``privacy`` is set, for messages."""
    local_addresses: tuple[str, ...] = ()
    """Ranges (CIDR) that the user's own settings declare as local."""
    allowed_hosts: frozenset[str] = frozenset()
    """Remote hosts that the user allowed: ``name`` or ``name:port``."""
    public_only: bool = False
    """Whether to refuse addresses that are not public, for URLs that a model names."""


@frozen
class Destination:
    """Checked addresses of one host: only these may be connected to."""

    host: str
    """With its port, as requested."""
    addresses: tuple[IPAddress, ...]
    port: int
    local: bool


class Egress:
    """Opens connections under one policy.  Close it when it is no longer needed."""

    def __init__(self, policy: EgressPolicy | None = None, *, ask: AskHost | None = None) -> None:
        self.policy = policy or EgressPolicy()
        self._ask = ask
        self._asking = asyncio.Lock()
        self._answers: dict[str, bool] = {}
        self._networks = read_networks(self.policy.local_addresses)
        self._clients: dict[tuple[object, ...], httpx2.AsyncClient] = {}
        self._stack = AsyncExitStack()
        self._users = 0
        self._retired = False

    def record(self) -> AbstractContextManager[TrafficLog]:
        """Count the bytes to and from each host, for this task and those it starts."""
        return recording()

    def is_local(self, base_url: str) -> bool:
        """Return whether this address is the user's own, without asking a name server.

        A server there may still forward to somewhere else:
        see `inhouse.providers.endpoints.locality`.
        """
        return is_here(base_url, self._networks)

    def check(self, endpoint: Endpoint) -> None:
        """Refuse what can be refused without opening a connection.  Raises `RefusedError`."""
        if endpoint.base_url.startswith(EMBEDDED):
            return
        address = http_address(endpoint.base_url)
        if address.unix_path is None:
            self._check_host(read_host(address.host), endpoint)

    async def allow(self, host: str, port: int, endpoint: Endpoint) -> Destination:
        """Resolve a host once and check every address.  Raises `RefusedError`."""
        read = read_host(host)
        self._check_host(read, endpoint)
        name = f"{read.name}:{port}"
        known = read.addresses
        if self.policy.privacy is Privacy.ASK and not (known and all_ours(known, self._networks)):
            await self._permission(read.name, port, endpoint)
        if known is None:
            known = await _resolve(read.name, port, endpoint)
        if self.policy.privacy is Privacy.LOCAL_ONLY and not all_ours(known, self._networks):
            raise self._not_local(f"{read.name} ({known[0]})", endpoint)
        if self.policy.public_only and not all(map(is_public, known)):
            raise RefusedError(
                f"{read.name} is an address of this machine or its network, and {endpoint.source} "
                "reads public pages only.  No setting can change that.",
                "Give the page's public address, or read it yourself and send its text.",
                code="private_address",
            )
        return Destination(name, known, port, all_ours(known, self._networks))

    def proxy_for(self, endpoint: Endpoint) -> ProxyServer | None:
        """Return the proxy for an endpoint; never for the user's own servers.

        There is none under ``local-only``, nor for pages that a model names, whose address is
        checked. Raises `UserError` if the environment names one that cannot be used.
        """
        if self.policy.privacy is Privacy.LOCAL_ONLY or self.policy.public_only:
            return None
        if self.is_local(endpoint.base_url):
            return None
        return named_proxy(http_address(endpoint.base_url), environment())

    async def allow_through(
        self, proxy: ProxyServer, address: HttpAddress, endpoint: Endpoint
    ) -> Destination:
        """Check the host behind a proxy, and resolve the proxy.  Raises `RefusedError`.

        Counts name both: the bytes go to the proxy and are meant for the host.
        """
        host = read_host(address.host)
        self._check_host(host, endpoint)
        if self.policy.privacy is Privacy.ASK:
            await self._permission(host.name, address.port, endpoint)
        known = read_host(proxy.host).addresses
        if known is None:
            known = await _resolve(proxy.host, proxy.port, endpoint)
        through = f"{host.name}:{address.port} via {proxy.host}:{proxy.port}"
        return Destination(through, known, proxy.port, local=False)

    async def speaks_tls(self, endpoint: Endpoint) -> bool:
        """Find out whether a server that closed plain HTTP speaks TLS; no request is sent."""
        import ssl  # noqa: PLC0415

        from inhouse.providers.network.transport import CheckedBackend  # noqa: PLC0415

        address = http_address(endpoint.base_url)
        if address.unix_path is not None or address.tls or self.proxy_for(endpoint) is not None:
            return False
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # nothing is sent to it
        try:
            backend = CheckedBackend(self, endpoint, address)
            line = await backend.connect_tcp(address.host, address.port, PROBE_SECONDS)
            try:
                await line.start_tls(context, address.host, PROBE_SECONDS)
            finally:
                await line.aclose()
        except (InhouseError, OSError, TimeoutError, *_connection_errors()):
            return False
        return True

    def client(self, endpoint: Endpoint) -> "httpx2.AsyncClient":
        """Return the HTTP client for an endpoint; its connections all come through here.

        It has no key and no header of the endpoint; each request adds its own.
        """
        key = (endpoint.name, endpoint.base_url, endpoint.ca_file, frozenset(endpoint.headers))
        if (client := self._clients.get(key)) is not None:
            return client
        # Not before the first request: 0.25 s.
        from http.cookiejar import CookieJar, DefaultCookiePolicy  # noqa: PLC0415

        import httpx2  # noqa: PLC0415

        from inhouse.providers.network.transport import EgressTransport  # noqa: PLC0415

        address = http_address(endpoint.base_url)
        client = self._clients[key] = httpx2.AsyncClient(
            transport=EgressTransport(self, endpoint, address, self.proxy_for(endpoint)),
            trust_env=False,
            follow_redirects=False,
            timeout=httpx2.Timeout(None, connect=CONNECT_SECONDS),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            headers=DEFAULT_HEADERS,
            base_url=address.url,
        )
        self._stack.push_async_callback(client.aclose)
        return client

    @asynccontextmanager
    async def kept_open(self) -> AsyncGenerator[Self]:
        """Use it, keeping it from being retired."""
        self._users += 1
        try:
            yield self
        finally:
            self._users -= 1
            await self._close_if_done()

    async def retire(self) -> None:
        """Close it as soon as nobody uses it."""
        self._retired = True
        await self._close_if_done()

    async def _close_if_done(self) -> None:
        if self._retired and not self._users:
            await self.aclose()

    async def aclose(self) -> None:
        """Close every connection that is still open."""
        self._clients.clear()
        await self._stack.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _check_host(self, host: HostName, endpoint: Endpoint) -> None:
        if self.policy.privacy is not Privacy.LOCAL_ONLY:
            return
        if host.addresses is None:
            # Asking a name server would itself reveal the name: only if the user has
            # declared addresses beyond loopback can the answer be of use.
            if not self._networks:
                raise self._not_local(host.name, endpoint)
        elif not all_ours(host.addresses, self._networks):
            raise self._not_local(host.name, endpoint)

    def _not_local(self, host: str, endpoint: Endpoint) -> RefusedError:
        remedy = (
            "Use an endpoint on this machine (127.0.0.1 or localhost), declare the address's "
            "range in `inhouse.localAddresses` of your own settings, or set `inhouse.privacy` "
            'to "ask".'
        )
        return RefusedError(
            f"Endpoint {endpoint.name!r} is not on this machine: {host}.  "
            f'`inhouse.privacy` is "local-only" ({self.policy.privacy_source}).',
            remedy,
            code="privacy",
        )

    async def _permission(self, name: str, port: int, endpoint: Endpoint) -> None:
        host = f"{name}:{port}"
        if {name, host} & self.policy.allowed_hosts:
            return
        async with self._asking:
            if host not in self._answers and self._ask is not None:
                self._answers[host] = await self._ask(host, endpoint)
        if not self._answers.get(host, False):
            raise RefusedError(
                f"Nobody allowed a connection to {host} (endpoint {endpoint.name!r}).  "
                f'`inhouse.privacy` is "ask" ({self.policy.privacy_source}).',
                'Answer "allow" when asked, or set `inhouse.privacy` to "any".',
                code="privacy",
            )


DEFAULT_HEADERS: Mapping[str, str] = {"accept-encoding": "identity", "user-agent": "inhouse"}


def _connection_errors() -> tuple[type[Exception], ...]:
    import httpcore2  # noqa: PLC0415  as above

    return httpcore2.NetworkError, httpcore2.TimeoutException


async def _resolve(name: str, port: int, endpoint: Endpoint) -> tuple[IPAddress, ...]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(RESOLVE_SECONDS):
            found = await loop.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except TimeoutError as error:
        raise ProviderUnavailableError(
            f"No name server answered for {name!r} (endpoint {endpoint.name!r}) within "
            f"{RESOLVE_SECONDS:.0f} s.  Is there a network?"
        ) from error
    except (OSError, UnicodeError) as error:
        raise ProviderUnavailableError(
            f"There is no host {name!r} (endpoint {endpoint.name!r}).  "
            f"Correct `inhouse.endpoints.{endpoint.name}.baseUrl`, or check the network."
        ) from error
    addresses = (read_host(str(entry[4][0])).addresses for entry in found)
    return tuple(dict.fromkeys(address[0] for address in addresses if address))
