"""Asks servers about their models without letting prompts wait for those that answer late."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from attrs import define, field, frozen

from inhouse.core.route import Endpoint

PATIENCE = 3.0
"""Seconds that a server has for its first answer; then a prompt goes on without it."""
GRACE = 0.5
"""Seconds that it has for each later answer: what it said before is used instead."""
REST = 60.0
"""Seconds for which a server that was late is not asked again."""

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
