"""Asks servers about their models without letting prompts wait for those that answer late."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from attrs import define, field, frozen

from inhouse.core.route import Endpoint

if TYPE_CHECKING:
    from inhouse.providers.network.egress import Egress

PATIENCE = 3.0
"""Seconds that a server has for its first answer; then a prompt goes on without it."""
GRACE = 0.5
"""Seconds that it has for each later answer: what it said before is used instead."""
REST = 60.0
"""Seconds for which a server that was late is not asked again."""
REMEMBERED_SECONDS = 60.0
"""A server may be restarted with another window at any time."""

T = TypeVar("T")


@frozen
class _Known(Generic[T]):
    value: T | None
    asked_again: float
    """When it may be asked again: seconds of the loop's clock."""
    was_late: bool = False


@define(eq=False)
class TimelyAnswers(Generic[T]):
    """What servers said to one question about a model; one for each process.

    A server that answers at once is asked before each run, since it may serve another model by
    now.  One that answers late, or never, costs one prompt of a process `PATIENCE` seconds.
    """

    _known: dict[tuple[str, str], _Known[T]] = field(factory=dict[tuple[str, str], _Known[T]])

    async def get(
        self, endpoint: Endpoint, model: str, ask: Callable[[], Awaitable[T | None]]
    ) -> T | None:
        """Return what the server says now, else what it said before; None if that is nothing."""
        key, clock = (endpoint.identity, model), asyncio.get_running_loop().time
        known, begun = self._known.get(key), clock()
        if known is not None and known.asked_again > begun:
            return known.value
        value = known.value if known is not None else None
        hurried = known is not None and (known.value is not None or known.was_late)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE if hurried else PATIENCE):
                value = await ask()
        late = clock() - begun >= GRACE
        self._known[key] = _Known(value, clock() + REST if late else begun, late)
        return value

    def forget(self, endpoint: Endpoint, model: str) -> None:
        """Ask anew: another model is served there than the one that was told of."""
        self._known.pop((endpoint.identity, model), None)


@define(eq=False)
class Windows:
    """Context windows that servers reported, remembered for a minute."""

    _known: dict[tuple[str, str], tuple[float, int | None]] = field(
        factory=dict[tuple[str, str], tuple[float, int | None]]
    )
    _told: TimelyAnswers[int] = field(factory=TimelyAnswers[int])

    def known(self, endpoint: Endpoint, model: str) -> int | None:
        """Return what is remembered, without asking a server."""
        if endpoint.context_window is not None:
            return endpoint.context_window
        known = self._known.get((endpoint.identity, model))
        return None if known is None else known[1]

    async def window(self, endpoint: Endpoint, model: str, egress: "Egress") -> int | None:
        """Return tokens; None if the server does not tell, not in time, or cannot be asked."""
        if endpoint.context_window is not None:
            return endpoint.context_window
        key, now = (endpoint.identity, model), asyncio.get_running_loop().time()
        known = self._known.get(key)
        if known is None or now - known[0] > REMEMBERED_SECONDS:
            from inhouse.providers.endpoints.context_window import told_window  # noqa: PLC0415  with what reads answers

            asked = partial(told_window, endpoint, model, egress)
            known = now, await self._told.get(endpoint, model, asked)
            self._known[key] = known
        return known[1]
