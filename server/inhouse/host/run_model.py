"""The model of a run: calls are paid from a budget, output is redacted, requests are traced.

What a model writes through a tool is not redacted; only its display is
(`inhouse.host.run_execution`).
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from attrs import define, evolve, field, frozen

from inhouse.core.events import (
    Answered,
    ModelChunk,
    ReasoningDelta,
    TextDelta,
    ToolCallReady,
    UsageReported,
)
from inhouse.core.logs import TRACE
from inhouse.core.ports import Chunks, Model, Prompt
from inhouse.core.redaction import StreamRedactor, knows_keys
from inhouse.core.route import Endpoint
from inhouse.loop import estimate
from inhouse.providers.cost import pricing
from inhouse.providers.cost.budget import Budget, Reservation
from inhouse.providers.cost.price import Price


@frozen
class RunModel:
    """Reserves money before each call and settles when the server reports the usage."""

    inner: Model
    endpoint: Endpoint
    model: str
    local: bool
    budget: Budget
    told: Callable[[], Awaitable[Price | None]]
    """Asks the endpoint for its prices, once."""
    window: Callable[[], Awaitable[int | None]]
    """Returns the size of the model's window in tokens, if known."""

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncGenerator[AsyncIterator[Chunks]]:
        """Open one answer.  Raises `RefusedError` if it would break the budget."""
        window = await self.window()
        estimated = await self._estimate(prompt) if self.budget.is_limited else None
        reservation = await self.budget.reserve(estimated)
        answer = _Answer(self, reservation, _Cleaner() if knows_keys() else None, window)
        if TRACE.isEnabledFor(logging.INFO):
            self._trace(prompt)
        try:
            async with self.inner.stream(prompt) as batches:
                yield answer.read(batches)
        finally:
            # A call that was answered without usage costs what was reserved for it.
            if answer.begun:
                await self.budget.settle(reservation, None)
            else:
                await self.budget.release(reservation)
            TRACE.info("%s was done after %.2f s", self, time.monotonic() - answer.since)

    def __str__(self) -> str:
        return f"{self.endpoint.name} ({self.model})"

    async def _estimate(self, prompt: Prompt) -> float | None:
        tokens = sum(map(estimate, prompt.messages)) + len(prompt.system) // 4
        return await asyncio.to_thread(
            pricing.estimate,
            self.endpoint,
            self.model,
            tokens,
            max_output_tokens=prompt.max_output_tokens,
            local=self.local,
            told=None if self.local else await self.told(),
        )

    def _trace(self, prompt: Prompt) -> None:
        """Log a request, without keys, as the setting ``trace`` wants."""
        messages, tools = len(prompt.messages), len(prompt.tools)
        TRACE.info("asking %s: %d messages, %d tools", self, messages, tools)
        if TRACE.isEnabledFor(logging.DEBUG):
            TRACE.debug("system: %s", prompt.system)
            for message in prompt.messages:
                TRACE.debug("%s", message)


@define
class _Answer:
    """One answer, while it is read."""

    model: RunModel
    reservation: Reservation
    cleaner: "_Cleaner | None"
    window: int | None
    begun: bool = False
    since: float = field(factory=time.monotonic)
    _said: list[str] = field(factory=list[str])

    async def read(self, batches: AsyncIterator[Chunks]) -> AsyncGenerator[Chunks]:
        cleaner = self.cleaner
        traced = TRACE.isEnabledFor(logging.DEBUG)
        try:
            async for chunks in batches:
                self.begun = True
                if cleaner is not None:
                    chunks = cleaner.clean(chunks)  # noqa: PLW2901
                if any(type(chunk) is UsageReported for chunk in chunks):
                    chunks = [  # noqa: PLW2901
                        await self._priced(chunk) if type(chunk) is UsageReported else chunk
                        for chunk in chunks
                    ]
                if traced:
                    self._trace(chunks)
                yield chunks
        except Exception:
            if cleaner is not None:
                yield cleaner.rest()
            raise
        if cleaner is not None:
            yield cleaner.rest()

    async def _priced(self, usage: UsageReported) -> UsageReported:
        """Settle an answer's cost: by the user's price, the server's figure, its list or ours."""
        model, cost = self.model, usage.cost_usd
        if cost is None or pricing.own_price(model.endpoint, model.model) is not None:
            cost = await asyncio.to_thread(
                pricing.cost,
                model.endpoint,
                model.model,
                usage.input_tokens,
                usage.output_tokens,
                local=model.local,
                told=None if model.local else await model.told(),
                cached=usage.cached_tokens,
                written=usage.cache_write_tokens,
            )
        await model.budget.settle(self.reservation, cost)
        return evolve(usage, cost_usd=cost, context_window=self.window)

    def _trace(self, chunks: Chunks) -> None:
        for chunk in chunks:
            match chunk:
                case TextDelta(text):
                    self._said.append(text)
                case ToolCallReady(call):
                    TRACE.debug("calls %s %s", call.name, call.arguments)
                case Answered(reason, model):
                    said = "".join(self._said)
                    TRACE.debug("%s said (%s): %s", model or self.model, reason, said)
                case _:
                    pass


@define
class _Cleaner:
    """Removes known keys from text and thinking, even if they are split over pieces."""

    _text: StreamRedactor = field(factory=StreamRedactor)
    _thinking: StreamRedactor = field(factory=StreamRedactor)

    def clean(self, chunks: Chunks) -> list[ModelChunk]:
        cleaned: list[ModelChunk] = []
        for chunk in chunks:
            match chunk:
                case TextDelta(text, pieces):
                    if clean := self._text.feed(text):
                        cleaned.append(TextDelta(clean, pieces))
                case ReasoningDelta(text, pieces):
                    if clean := self._thinking.feed(text):
                        cleaned.append(ReasoningDelta(clean, pieces))
                case _:
                    cleaned += (*self.rest(), chunk)
        return cleaned

    def rest(self) -> list[ModelChunk]:
        """Return what was held back, since nothing follows."""
        thinking, text = self._thinking.end(), self._text.end()
        rest: list[ModelChunk] = [ReasoningDelta(thinking)] if thinking else []
        return [*rest, TextDelta(text)] if text else rest
