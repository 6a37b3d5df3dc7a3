"""Who reads next where several connections have more to give than can be worked on at once."""

import asyncio
from collections import deque
from weakref import WeakKeyDictionary

from attrs import define, field


@define(eq=False)
class FairTurns:
    """Lets one after the other go on, in order: one for each turn of the event loop.

    However many answers flood in, a command waits for one read's work in each turn, not for all.
    """

    _waiting: deque[asyncio.Future[None]] = field(factory=deque[asyncio.Future[None]])
    _scheduled: bool = False

    async def next(self) -> None:
        """Wait for the next turn that nobody before needs; it is never this one."""
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
            if not turn.done():  # Else whoever waited has been cancelled.
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
