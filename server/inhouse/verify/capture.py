"""Watches every packet of a network namespace.

It only listens.  Besides the network room this is the only place that opens a socket, and it does
so only inside the namespace of ``audit --verify``.
"""

import ipaddress
import socket
import struct
import threading
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager

from attrs import evolve, frozen

ALL_PROTOCOLS = 0x0003
IPV4, IPV6 = 0x0800, 0x86DD
_TCP, _UDP, _ICMPV6 = 6, 17, 58
_OUTGOING = 4
_SETTLES_S = 0.3
_LARGEST = 262_144


@frozen
class Packet:
    interface: str
    source: str
    target: str
    size: int
    marks: frozenset[bytes]
    """Which of the texts that are looked for it contains."""
    source_port: int = 0
    target_port: int = 0
    payload: int = 0
    """Its bytes of TCP or UDP payload; on loopback counted only when sent."""


@contextmanager
def capturing(marks: Iterable[bytes]) -> Generator[list[Packet]]:
    """Watch while this is open; the list is complete afterwards."""
    capture = Capture(marks)
    capture.start()
    try:
        yield capture.packets
        time.sleep(_SETTLES_S)
    finally:
        capture.stop()


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
        """Stop after reading what is still queued."""
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
            if packet is not None and where[0] == "lo" and where[2] != _OUTGOING:
                packet = evolve(packet, payload=0)  # each is seen when sent and when received
            if packet is not None:
                self.packets.append(packet)


def _packet(body: bytes, interface: str, protocol: int, marks: tuple[bytes, ...]) -> Packet | None:
    """Read a packet; None for the kernel's own neighbour discovery."""
    carried = frozenset(mark for mark in marks if mark in body)
    if protocol == IPV4 and len(body) >= 20:  # noqa: PLR2004  the shortest header
        source, target = ipaddress.IPv4Address(body[12:16]), ipaddress.IPv4Address(body[16:20])
        kind, inner = body[9], body[(body[0] & 0x0F) * 4 :]
    elif protocol == IPV6 and len(body) >= 40:  # noqa: PLR2004  the header
        if body[6] in (0, _ICMPV6) and ipaddress.IPv6Address(body[24:40]).is_multicast:
            return None
        source, target = ipaddress.IPv6Address(body[8:24]), ipaddress.IPv6Address(body[24:40])
        kind, inner = body[6], body[40:]
    else:
        return Packet(interface, f"protocol {protocol:#06x}", "", len(body), carried)
    ports = _ports(kind, inner)
    return Packet(interface, str(source), str(target), len(body), carried, *ports)


def _ports(kind: int, inner: bytes) -> tuple[int, int, int]:
    """Return source port, target port and payload bytes of TCP and UDP; zeros for anything else."""
    if kind == _TCP and len(inner) >= 20:  # noqa: PLR2004  the shortest header
        header = (inner[12] >> 4) * 4
    elif kind == _UDP and len(inner) >= 8:  # noqa: PLR2004  the header
        header = 8
    else:
        return 0, 0, 0
    source, target = struct.unpack_from("!HH", inner)
    return source, target, max(0, len(inner) - header)
