"""What a host's text says about where it is, before any look-up."""

import ipaddress
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from attrs import frozen

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
    return HostName(name, _from_hosts_file(name))


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


def _from_hosts_file(name: str) -> tuple[IPAddress, ...] | None:
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
