"""A model whose calls are paid from a budget, and whose usage says what it cost."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from attrs import define, evolve, frozen

from inhouse.core.events import ModelChunk, UsageReported
from inhouse.core.ports import Model, Prompt
from inhouse.core.route import Endpoint
from inhouse.loop import estimate
from inhouse.providers.cost import pricing
from inhouse.providers.cost.budget import Budget, Reservation
from inhouse.providers.cost.endpoint_prices import Price


@frozen
class MeteredModel:
    """Sets money aside before each call, and settles when the server tells the usage."""

    inner: Model
    endpoint: Endpoint
    model: str
    local: bool
    budget: Budget
    told: Callable[[], Awaitable[Price | None]]
    """Asks the endpoint for its price, once."""

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncGenerator[AsyncIterator[ModelChunk]]:
        """Open one answer.  Raises `RefusedError` where it would break the budget."""
        reservation = await self.budget.reserve(await self._estimate(prompt))
        bill = _Bill(self, reservation)
        try:
            async with self.inner.stream(prompt) as chunks:
                yield bill.read(chunks)
        finally:
            # A call that was answered without a usage costs what was set aside for it.
            if bill.answered:
                await self.budget.settle(reservation, None)
            else:
                await self.budget.release(reservation)

    async def _estimate(self, prompt: Prompt) -> float | None:
        if not self.budget.is_limited:
            return None
        tokens = sum(map(estimate, prompt.messages)) + len(prompt.system) // 4
        return await asyncio.to_thread(
            pricing.estimate,
            self.endpoint,
            self.model,
            tokens,
            max_output_tokens=prompt.max_output_tokens,
            local=self.local,
            told=await self._told(),
        )

    async def cost_of(self, usage: UsageReported) -> float | None:
        """Say what an answer cost: the user's own price, the server's word, its list, ours."""
        own = pricing.own_price(self.endpoint, self.model) is not None
        if usage.cost_usd is not None and not own:
            return usage.cost_usd
        return await asyncio.to_thread(
            pricing.cost,
            self.endpoint,
            self.model,
            usage.input_tokens,
            usage.output_tokens,
            local=self.local,
            told=await self._told(),
        )

    async def _told(self) -> Price | None:
        return None if self.local else await self.told()


@define
class _Bill:
    """One answer, while it is read."""

    meter: MeteredModel
    reservation: Reservation
    answered: bool = False

    async def read(self, chunks: AsyncIterator[ModelChunk]) -> AsyncIterator[ModelChunk]:
        async for chunk in chunks:
            self.answered = True
            if type(chunk) is UsageReported:
                yield await self._priced(chunk)
            else:
                yield chunk

    async def _priced(self, usage: UsageReported) -> UsageReported:
        cost = await self.meter.cost_of(usage)
        await self.meter.budget.settle(self.reservation, cost)
        return evolve(usage, cost_usd=cost)
