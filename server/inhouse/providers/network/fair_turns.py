"""Decides who reads next if several connections have more data than can be processed at once."""

import asyncio
from collections import deque
from weakref import WeakKeyDictionary

from attrs import define, field


@define(eq=False)
class FairTurns:
    """Lets one reader after another continue: one for each turn of the event loop.

    However many answers flood in, a command waits for one read's work in each turn, not for all.
    """

    _waiting: deque[asyncio.Future[None]] = field(factory=deque[asyncio.Future[None]])
    _scheduled: bool = False

    async def next(self) -> None:
        """Wait for the next free turn, which is never the current one."""
        loop = asyncio.get_running_loop()
        turn = loop.create_future()
        self._waiting.append(turn)
        if not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._give, loop)
        await turn

    def _give(self, loop: asyncio.AbstractEventLoop) -> None:
        self._scheduled = False
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # Otherwise the waiter was cancelled.
                turn.set_result(None)
                break
        if self._waiting:
            self._scheduled = True
            loop.call_soon(self._give, loop)


_of_loops: "WeakKeyDictionary[asyncio.AbstractEventLoop, FairTurns]" = WeakKeyDictionary()


def fair_turns() -> FairTurns:
    """Return the turns of the running event loop."""
    loop = asyncio.get_running_loop()
    turns = _of_loops.get(loop)
    if turns is None:
        turns = _of_loops[loop] = FairTurns()
    return turns
