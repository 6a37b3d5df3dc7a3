"""The model of a run, made for its plan: calls are paid, output is redacted, requests are traced.

What a model writes through a tool is not redacted; only its display is
(`inhouse.host.run_execution`).
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from urllib.parse import urlsplit

from attrs import define, evolve, field, frozen

from inhouse.core.endpoint_kinds import guessed_kind
from inhouse.core.errors import InhouseError, ProviderError, UserError
from inhouse.core.events import (
    Answered,
    ModelChunk,
    ReasoningDelta,
    TextDelta,
    ToolCallReady,
    UsageReported,
)
from inhouse.core.logs import TRACE, trace
from inhouse.core.ports import Chunks, Model, Prompt
from inhouse.core.redaction import StreamRedactor, knows_keys
from inhouse.core.route import Endpoint, ToolMode
from inhouse.core.urls import host_of
from inhouse.loop import estimate
from inhouse.providers.cost import pricing
from inhouse.providers.cost.budget import Budget, Reservation
from inhouse.providers.cost.price import Price
from inhouse.providers.embedded.servers import WINDOW
from inhouse.providers.endpoints.locality import verify_local
from inhouse.providers.endpoints.served_model import ServedModel
from inhouse.providers.endpoints.tool_support import (
    UNKNOWN,
    is_local_server,
    mode_for,
    served_in_time,
)
from inhouse.providers.model_factory import connect
from inhouse.providers.network.egress import Egress

from .run_context import RunContext
from .run_plan import Plan
from .services import Services

BYTES_PER_PARAMETER = 0.6
"""Of a model quantised to four bits, as nearly all small ones are."""
PATIENCE = 3.0
"""Seconds that a server has to say where it runs a model, if nothing depends on it."""


@frozen
class ModelTraits:
    """What is known about a run's model before its first step."""

    served: ServedModel | None = None
    small: bool = False
    """Whether it is told less, in the form that suits small models best."""
    window: int | None = None
    """In tokens; None if unknown."""


async def traits_of(run: RunContext) -> ModelTraits:
    """Ask a local server what it serves.  Sends nothing of the prompt."""
    endpoint, model, services = run.plan.endpoint, run.plan.model, run.host.services
    if run.plan.unserved is not None or endpoint.pool or not is_local_server(endpoint):
        return ModelTraits()
    if endpoint.kind.profile.is_child:
        served, known = await asyncio.to_thread(_embedded, services, endpoint), None
    elif endpoint.tools is not None and endpoint.context_window is not None:
        served, known = UNKNOWN, None  # The user says all that it would be asked for.
    else:
        known = served = await served_in_time(endpoint, model, run.egress, services.shared)
    mode = await mode_for(endpoint, model, served, services.shared)
    small = mode is ToolMode.FILES or (mode is None and served.is_small)
    return ModelTraits(known, small, endpoint.context_window or served.window)


def _embedded(services: Services, endpoint: Endpoint) -> ServedModel:
    """Guess from the file's size, since its server starts only with the first request."""
    try:
        path = services.embedded.model_of(endpoint)
        parameters = int(path.stat().st_size / BYTES_PER_PARAMETER)
    except (InhouseError, OSError):
        return UNKNOWN
    return ServedModel(str(path), parameters=parameters, window=WINDOW)


def connected(run: RunContext, served: ServedModel | None = None) -> Model:
    """Return the model of a plan; no connection is opened before the first request."""
    plan, host = run.plan, run.host
    if plan.unserved is not None:
        return _NoModel(plan.unserved)
    trace(host.world.settings.trace)
    shared = host.services.shared
    inner = connect(
        plan.endpoint,
        plan.model,
        egress=run.egress,
        definition=plan.definition,
        embedded=host.services.embedded,
        shared=shared,
        backend=run.tree.backend,
        served=served,
    )
    asked = next(iter(plan.endpoint.pool), plan.endpoint)  # Its key is for its own URL.
    told = partial(shared.prices.price, asked, plan.model, run.egress)
    window = partial(_window, run, served.window if served is not None else None)
    return RunModel(
        inner, plan.endpoint, plan.model, plan.route.local, run.tree.budget, told, window
    )


async def _window(run: RunContext, served: int | None) -> int | None:
    """Return the size of the model's window; the server is asked only if the door shows it."""
    plan, windows = run.plan, run.host.services.shared.windows
    endpoint, model = plan.endpoint, plan.model
    known = endpoint.context_window or served or windows.known(endpoint, model)
    if known is not None or endpoint.pool or not run.host.door.shows_window:
        return known
    return await windows.window(endpoint, model, run.egress)


@frozen
class _NoModel:
    """Stands for the model of a run that needs none; says why there is none if it is asked."""

    why: UserError

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncGenerator[AsyncIterator[Chunks]]:
        del prompt
        raise self.why
        yield  # pyright: ignore[reportUnreachable]  an async generator needs one


async def verified(plan: Plan, egress: Egress) -> Plan:
    """Ask servers that may forward requests where they run the model.

    Under ``local-only``, every kind is asked again before the first request and may then be refused
    (`inhouse.providers.guarded_model`); here the answer only makes the route correct.
    """
    if plan.unserved is not None or not plan.route.local or not _may_forward(plan.endpoint):
        return plan
    try:
        async with asyncio.timeout(PATIENCE):
            verdict = await verify_local(plan.endpoint, plan.model, egress)
    except (ProviderError, TimeoutError):
        return plan
    return evolve(plan, route=evolve(plan.route, local=verdict.local))


def _may_forward(endpoint: Endpoint) -> bool:
    """Return whether the server may forward; a program on Ollama's port may be Ollama."""
    kind, port = endpoint.kind, urlsplit(endpoint.base_url).port
    guessed = guessed_kind(host_of(endpoint.base_url), port)
    return any(one.profile.tells_where_it_forwards for one in (kind, guessed))


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
