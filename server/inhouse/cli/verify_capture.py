"""Watches every packet of a network namespace.  Listens only; sends nothing.

The one place beside egress that opens a socket: inside the namespace that ``audit --verify``
makes, and nowhere else.
"""

import ipaddress
import socket
import threading
from collections.abc import Iterable

from attrs import frozen

ALL_PROTOCOLS = 0x0003
IPV4, IPV6 = 0x0800, 0x86DD
_ICMPV6 = 58
_LARGEST = 262_144


@frozen
class Packet:
    interface: str
    source: str
    target: str
    size: int
    marks: frozenset[bytes]
    """Those of the texts looked for that it carries."""


class Capture:
    """All packets on all interfaces, from `start` to `stop`."""

    def __init__(self, marks: Iterable[bytes]) -> None:
        self.packets: list[Packet] = []
        self._marks = tuple(marks)
        self._socket = socket.socket(
            socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ALL_PROTOCOLS)
        )
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 20)
        self._socket.settimeout(0.2)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="capture", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End after what is still in the queue."""
        self._stop.set()
        self._thread.join()
        self._socket.close()

    def _watch(self) -> None:
        while True:
            try:
                body, where = self._socket.recvfrom(_LARGEST)
            except TimeoutError:
                if self._stop.is_set():
                    return
                continue
            packet = _packet(body, str(where[0]), int(where[1]), self._marks)
            if packet is not None:
                self.packets.append(packet)


def _packet(body: bytes, interface: str, protocol: int, marks: tuple[bytes, ...]) -> Packet | None:
    """Read a packet; None for what the kernel itself says to find its neighbours."""
    carried = frozenset(mark for mark in marks if mark in body)
    if protocol == IPV4 and len(body) >= 20:  # noqa: PLR2004  the shortest header
        source, target = ipaddress.IPv4Address(body[12:16]), ipaddress.IPv4Address(body[16:20])
    elif protocol == IPV6 and len(body) >= 40:  # noqa: PLR2004  the header
        if body[6] in (0, _ICMPV6) and ipaddress.IPv6Address(body[24:40]).is_multicast:
            return None
        source, target = ipaddress.IPv6Address(body[8:24]), ipaddress.IPv6Address(body[24:40])
    else:
        return Packet(interface, f"protocol {protocol:#06x}", "", len(body), carried)
    return Packet(interface, str(source), str(target), len(body), carried)
