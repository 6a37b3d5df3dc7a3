"""Who may connect to a port: this user, according to the system, or whoever has the token.

A loopback port is open to every user of the machine and to every page in a browser.
"""

import hmac
import ipaddress
import os
import sys
from pathlib import Path

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_ESTABLISHED = "01"
FIRST_BYTES = b"content-"
"""Every message of the protocol begins with this, in upper or lower case; HTTP does not."""


def may_begin(data: bytes) -> bool:
    """Return whether these may be the first bytes of a client of the protocol."""
    known = data[: len(FIRST_BYTES)].lower()
    return FIRST_BYTES.startswith(known)


def is_same_user(peer: tuple[object, ...], own: tuple[object, ...]) -> bool:
    """Return whether the other end of a connection on this machine is this user's.  Linux only."""
    if sys.platform != "linux":
        return False
    wanted = (_hex(peer), _hex(own))
    for table in _TABLES:
        try:
            lines = table.read_text("ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if (fields[1], fields[2]) == wanted and fields[3] == _ESTABLISHED:
                return int(fields[7]) == os.geteuid()
    return False


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address that is listened at."""
    return ipaddress.ip_address(host.partition("%")[0]).is_loopback


def _hex(address: tuple[object, ...]) -> str:
    """Format an address as the kernel's tables do: words in the machine's byte order."""
    host = ipaddress.ip_address(str(address[0]).partition("%")[0])
    words = (host.packed[at : at + 4] for at in range(0, len(host.packed), 4))
    spelt = "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words)
    return f"{spelt}:{int(str(address[1])):04X}"


def is_token(given: object, token: str) -> bool:
    """Compare in constant time."""
    return isinstance(given, str) and hmac.compare_digest(
        given.encode(errors="replace"), token.encode()
    )
