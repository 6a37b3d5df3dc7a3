"""Stops before a call that would exceed a budget: of a run with its sub-agents, or of a day."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from attrs import define

from inhouse.core.errors import RefusedError

Raise = Callable[[float, str], Awaitable[bool]]
"""Asks the user whether a run's budget may become this many dollars; the text says why."""


class Day(Protocol):
    """What all runs of a day cost, shared by all processes.  Each call may block."""

    def reserve(
        self, usd: float, fits: Callable[[float, float], bool]
    ) -> tuple[int | None, float, float]:
        """Reserve dollars if *fits* (spent, reserved) allows it, in one step.

        Returns a number (None if it does not fit), what is spent, and what was reserved.
        """
        ...

    def settle(self, number: int | None, usd: float) -> None:
        """Count dollars as spent instead of the reservation with that number."""
        ...


@define
class Reservation:
    """Money reserved for a pending call."""

    usd: float
    number: int | None = None
    """Its number in the day's store."""
    open: bool = True


class Budget:
    """The budget of one run, shared by its sub-agents.  For one event loop."""

    def __init__(
        self,
        limit_usd: float | None,
        *,
        daily_limit_usd: float | None = None,
        day: Day | None = None,
        limit_source: str = "budgetUsd",
        daily_source: str = "dailyBudgetUsd",
        may_raise: Raise | None = None,
    ) -> None:
        """*may_raise* is asked at most once, with twice the limit of the run."""
        self._limit = limit_usd
        self._may_raise = may_raise
        self._daily_limit = daily_limit_usd
        self._day = day
        self._limit_source = limit_source
        self._daily_source = daily_source
        self._spent = 0.0
        self._reserved = 0.0
        self._lock = asyncio.Lock()

    @property
    def spent_usd(self) -> float:
        """The known part of what was spent."""
        return self._spent

    @property
    def is_limited(self) -> bool:
        return self._limit is not None or self._daily_limit is not None

    async def reserve(self, estimate_usd: float | None) -> Reservation:
        """Reserve the estimate before a call.  Raises `RefusedError` if it would not fit.

        A call of unknown price passes while anything is left.
        """
        async with self._lock:
            number = None
            if self.is_limited:
                await self._of_the_run(estimate_usd)
                number = await self._of_the_day(estimate_usd)
            reservation = Reservation(estimate_usd or 0.0, number)
            self._reserved += reservation.usd
            return reservation

    async def settle(self, reservation: Reservation, cost_usd: float | None) -> None:
        """Replace a call's reservation by its cost.

        With None, the cost is unknown and the estimate counts.  A second call does nothing.
        """
        if not reservation.open:
            return
        reservation.open = False
        cost = reservation.usd if cost_usd is None else cost_usd
        self._reserved -= reservation.usd
        self._spent += cost
        if self._day is not None and (cost or reservation.number is not None):
            await asyncio.shield(asyncio.to_thread(self._day.settle, reservation.number, cost))

    async def release(self, reservation: Reservation) -> None:
        """Release the reservation of a call that never reached the server."""
        await self.settle(reservation, 0.0)

    async def _of_the_run(self, estimate: float | None) -> None:
        """Check whether a call fits; if not, the user may raise the limit, once."""
        try:
            self._check(self._limit, self._spent, self._reserved, estimate, self._limit_source)
        except RefusedError as error:
            ask, self._may_raise, limit = self._may_raise, None, self._limit
            if ask is None or not limit or not await ask(2 * limit, error.reason):
                raise
            self._limit = 2 * limit
            self._limit_source = f"raised from ${limit:.4g}, {self._limit_source}"
            self._check(self._limit, self._spent, self._reserved, estimate, self._limit_source)

    async def _of_the_day(self, estimate: float | None) -> int | None:
        """Reserve from the day's budget, shared by all processes; return the number."""
        limit, day = self._daily_limit, self._day
        if limit is None or day is None or estimate == 0:
            return None

        def fits(spent: float, reserved: float) -> bool:
            return _fits(limit, spent + reserved, estimate)

        making = asyncio.ensure_future(asyncio.to_thread(day.reserve, estimate or 0.0, fits))
        try:
            number, spent, reserved = await asyncio.shield(making)
        except asyncio.CancelledError:  # it is made anyway: release it
            making.add_done_callback(lambda done: _give_back(day, done))
            raise
        if number is None:
            self._check(limit, spent, reserved, estimate, self._daily_source)
        return number

    def _check(
        self,
        limit: float | None,
        spent: float,
        reserved: float,
        estimate: float | None,
        source: str,
    ) -> None:
        if limit is None or estimate == 0:
            return
        if _fits(limit, spent + reserved, estimate):
            return
        what, setting = "run", "budgetUsd"
        if source == self._daily_source:
            what, setting = "day", "dailyBudgetUsd"
        next_call = "has an unknown cost" if estimate is None else f"may cost ${estimate:.4f}"
        raise RefusedError(
            f"The budget of this {what} is ${limit:.4g} ({source}): ${spent:.4f} is spent, "
            f"${reserved:.4f} is reserved, and the next call {next_call}.",
            f"Raise {setting}, or send this agent to a local endpoint.",
            code="budget",
        )


def _fits(limit: float, used: float, estimate: float | None) -> bool:
    return used < limit if estimate is None else used + estimate <= limit


def _give_back(day: Day, made: "asyncio.Future[tuple[int | None, float, float]]") -> None:
    if not made.cancelled() and made.exception() is None and (number := made.result()[0]):
        asyncio.get_running_loop().run_in_executor(None, day.settle, number, 0.0)
