"""Stops before the call that would break a budget: of a run with its sub-agents, and of a day."""

import asyncio
from collections.abc import Callable

from attrs import define

from inhouse.core.errors import RefusedError


@define(eq=False)
class DaySpending:
    """What all runs of a day cost, kept where every process sees it.  Both calls may block."""

    spent: Callable[[], float]
    add: Callable[[float], float]
    reserved: float = 0.0
    """What calls of this process that are under way may cost."""


@define
class Reservation:
    """Money set aside for a call that is under way."""

    usd: float
    open: bool = True


class Budget:
    """The budget of one run; its sub-agents share it.  Of one event loop."""

    def __init__(
        self,
        limit_usd: float | None,
        *,
        daily_limit_usd: float | None = None,
        day: DaySpending | None = None,
        limit_source: str = "budgetUsd",
        daily_source: str = "dailyBudgetUsd",
    ) -> None:
        self._limit = limit_usd
        self._daily_limit = daily_limit_usd
        self._day = day
        self._limit_source = limit_source
        self._daily_source = daily_source
        self._spent = 0.0
        self._reserved = 0.0
        self._lock = asyncio.Lock()

    @property
    def spent_usd(self) -> float:
        """What is known of it."""
        return self._spent

    @property
    def is_limited(self) -> bool:
        return self._limit is not None or self._daily_limit is not None

    async def reserve(self, estimate_usd: float | None) -> Reservation:
        """Set the estimate aside before a call.  Raises `RefusedError` where it would not fit.

        A call whose price nobody knows passes as long as something is left.
        """
        estimate = estimate_usd or 0.0
        async with self._lock:
            self._check(self._limit, self._spent, self._reserved, estimate_usd, self._limit_source)
            if self._daily_limit is not None and self._day is not None:
                today = await asyncio.to_thread(self._day.spent)
                reserved = self._day.reserved
                self._check(self._daily_limit, today, reserved, estimate_usd, self._daily_source)
            self._reserve(estimate)
            return Reservation(estimate)

    async def settle(self, reservation: Reservation, cost_usd: float | None) -> None:
        """Put what a call did cost in the place of what was set aside for it.

        None: nobody knows; then the estimate counts.  A second time does nothing.
        """
        if not reservation.open:
            return
        reservation.open = False
        cost = reservation.usd if cost_usd is None else cost_usd
        self._reserve(-reservation.usd)
        self._spent += cost
        if cost and self._day is not None:
            await asyncio.to_thread(self._day.add, cost)

    def release(self, reservation: Reservation) -> None:
        """Give back what was set aside for a call that never reached the server."""
        if reservation.open:
            reservation.open = False
            self._reserve(-reservation.usd)

    def _reserve(self, usd: float) -> None:
        self._reserved += usd
        if self._day is not None:
            self._day.reserved += usd

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
        used = spent + reserved
        if used < limit if estimate is None else used + estimate <= limit:
            return
        what, setting = "run", "budgetUsd"
        if source == self._daily_source:
            what, setting = "day", "dailyBudgetUsd"
        next_call = "costs nobody knows what" if estimate is None else f"may cost ${estimate:.4f}"
        raise RefusedError(
            f"The budget of this {what} is ${limit:.4g} ({source}): ${spent:.4f} is spent, "
            f"${reserved:.4f} is under way, and the next call {next_call}.",
            f"Raise {setting}, or send this agent to a local endpoint.",
            code="budget",
        )
