"""Which hosts were contacted: the bytes to and from each."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from attrs import define, field

from inhouse.core.events import Contact


@define(eq=False)
class HostTraffic:
    """The traffic of one host at one address, while it is being counted."""

    host: str
    address: str
    local: bool
    endpoint: str
    sent: int = 0
    received: int = 0
    model: str | None = None


@define(eq=False)
class TrafficLog:
    """The hosts one run contacted.  Iterate it, at any time, for `Contact` values."""

    _tallies: dict[tuple[str, str, str], HostTraffic] = field(
        factory=dict[tuple[str, str, str], HostTraffic]
    )

    def traffic_of(self, host: str, address: str, local: bool, endpoint: str) -> HostTraffic:  # noqa: FBT001  as `HostTraffic`
        """Give what is counted of one host, from now on where it is new."""
        key = (host, address, endpoint)
        if key not in self._tallies:
            self._tallies[key] = HostTraffic(host, address, local, endpoint)
        return self._tallies[key]

    def answered(self, endpoint: str, model: str) -> None:
        for tally in self._tallies.values():
            if tally.endpoint == endpoint:
                tally.model = model

    def __iter__(self) -> Iterator[Contact]:
        for tally in self._tallies.values():
            yield Contact(
                host=tally.host,
                address=tally.address,
                local=tally.local,
                bytes_sent=tally.sent,
                bytes_received=tally.received,
                model=tally.model,
                endpoint=tally.endpoint,
            )


LOGS: ContextVar[tuple[TrafficLog, ...]] = ContextVar("contact_logs", default=())
"""The recordings that are open where this is asked."""


@contextmanager
def recording() -> Generator[TrafficLog]:
    """Count what this task, and every task it starts, sends and receives.

    Recordings nest: a sub-agent's contacts are its parent's contacts too.
    """
    log = TrafficLog()
    token = LOGS.set((*LOGS.get(), log))
    try:
        yield log
    finally:
        LOGS.reset(token)


def note_answer(endpoint: str, model: str) -> None:
    """Record in every open recording which model answered, by its own account."""
    for log in LOGS.get():
        log.answered(endpoint, model)
