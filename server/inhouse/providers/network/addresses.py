"""What the text of a base URL or of a host says about where it is, before any look-up."""

import ipaddress
import os
import sys
import time
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from attrs import frozen

from inhouse.core.errors import UserError
from inhouse.core.urls import literal, spelt

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LOOPBACK: tuple[IPAddress, ...] = (ipaddress.IPv4Address("127.0.0.1"), ipaddress.IPv6Address("::1"))

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")
_RESERVED = tuple(
    ipaddress.ip_network(each)
    for each in (
        *("192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4"),
        *("::/96", "::ffff:0:0:0/96", "3fff::/20", "5f00::/16", "fec0::/10", "2001::/23"),
    )
)
"""Ranges for special purposes (IANA) that Python's table of some version calls global."""


@frozen
class HttpAddress:
    """The address that a base URL means."""

    url: str
    """What request paths are appended to; for a Unix socket, with the host ``localhost``."""
    host: str
    port: int
    tls: bool
    unix_path: str | None = None
    query: str = ""
    """Query parameters of each request (Azure's ``api-version``)."""

    @property
    def root(self) -> str:
        """The URL without its ``/v1``: beside it servers keep what is not OpenAI's."""
        return self.url.rstrip("/").removesuffix("/v1")


@lru_cache(maxsize=256)
def http_address(base_url: str) -> HttpAddress:
    """Read ``http://host:port/path``, ``https://…`` or ``unix:/path[:/prefix]``."""
    if base_url.startswith("unix:"):
        path, _, prefix = base_url.removeprefix("unix:").removeprefix("//").partition(":")
        url = f"http://localhost{prefix or '/v1'}"
        return HttpAddress(url, "localhost", 80, tls=False, unix_path=path)
    try:
        parts = urlsplit(base_url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _not_a_url(base_url) from error
    if parts.scheme not in ("http", "https") or not host:
        raise _not_a_url(base_url)
    tls = parts.scheme == "https"
    without_credentials = parts.netloc.rpartition("@")[2]
    url = parts._replace(netloc=without_credentials, query="", fragment="").geturl()
    return HttpAddress(url, host, port or (443 if tls else 80), tls, query=parts.query)


@frozen
class HostName:
    """A host as it was written, in one spelling."""

    name: str
    addresses: tuple[IPAddress, ...] | None
    """None if only a name server knows."""


def read_host(text: str) -> HostName:
    """Parse a host's text, without asking a name server.

    Every spelling that a system's resolver would take for an address becomes that address:
    ``0x7f.1``, ``2130706433``, ``[::ffff:127.0.0.1]``, ``fe80::1%eth0``, a trailing dot.
    """
    name = spelt(text)
    if name == "localhost" or name.endswith(".localhost"):
        return HostName(name, LOOPBACK)  # RFC 6761, 6.3: never asked of a name server
    address = literal(name)
    if address is not None:
        return HostName(name, (address,))
    return HostName(name, _from_hosts_file(name, int(time.monotonic())))


def is_here(base_url: str, networks: Iterable[Network] = ()) -> bool:
    """Return whether a base URL is on this machine or in the user's own *networks*.

    No name server is asked.  Raises `UserError` if it is no base URL.
    """
    if base_url.startswith("embedded:"):
        return True
    address = http_address(base_url)
    if address.unix_path is not None:
        return True
    known = read_host(address.host).addresses
    return known is not None and all_ours(known, networks)


def all_ours(addresses: Iterable[IPAddress], networks: Iterable[Network]) -> bool:
    """Return whether each address is loopback or in one of the user's own *networks*."""
    return all(is_loopback(one) or is_within(one, networks) for one in addresses)


def is_loopback(address: IPAddress) -> bool:
    return unmapped(address).is_loopback


def is_within(address: IPAddress, networks: Iterable[Network]) -> bool:
    plain = unmapped(address)
    return any(plain.version == network.version and plain in network for network in networks)


def is_public(address: IPAddress) -> bool:
    """Return whether an address, or one it translates or tunnels to, is on the public internet."""
    plain = unmapped(address)
    if isinstance(plain, ipaddress.IPv6Address):
        if plain in _NAT64:
            return is_public(ipaddress.IPv4Address(int(plain) & 0xFFFF_FFFF))
        if plain in _LOCAL_NAT64 or plain.teredo or plain.sixtofour:
            return False
    if is_within(plain, _RESERVED):
        return False
    return plain.is_global and not plain.is_multicast and not plain.is_reserved


def unmapped(address: IPAddress) -> IPAddress:
    """Return the address that packets go to: ``::ffff:10.0.0.1`` is 10.0.0.1."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def read_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Read address ranges in CIDR notation; invalid ones are left out (settings report them)."""
    networks: list[Network] = []
    for text in texts:
        try:
            networks.append(ipaddress.ip_network(text, strict=False))
        except ValueError:
            continue
    return tuple(networks)


@lru_cache(maxsize=256)
def _from_hosts_file(name: str, second: int) -> tuple[IPAddress, ...] | None:
    """Return what the system's hosts file says, read at most once a second."""
    del second
    found: list[IPAddress] = []
    try:
        lines = _hosts_file().read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    for line in lines:
        address, *names = line.partition("#")[0].lower().split() or [""]
        if name in names and (known := literal(address)) is not None:
            found.append(known)
    return tuple(found) or None


def _hosts_file() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), r"System32\drivers\etc\hosts")
    return Path("/etc/hosts")


def _not_a_url(base_url: str) -> UserError:
    shown = base_url.rpartition("@")[2]
    return UserError(f"Not a base URL: {shown!r}.  Write http://HOST:PORT/v1, or unix:/PATH.")
