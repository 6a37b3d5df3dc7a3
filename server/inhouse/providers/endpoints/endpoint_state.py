"""What all runs of a process share about endpoints: what was learnt, and pending requests."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

from attrs import define, field

from inhouse.core.dialect import Dialect
from inhouse.core.route import Endpoint
from inhouse.providers.endpoints.endpoint_prices import ToldPrices
from inhouse.providers.endpoints.served_model import ServedModel
from inhouse.providers.endpoints.timely_answers import TimelyAnswers, Windows

REST_SECONDS = 30.0


class Profiles(Protocol):
    """Remembers a small JSON object per endpoint and model.  May block for a moment."""

    def get(self, endpoint: str, model: str) -> Mapping[str, Any]:
        """Return what is known; empty if nothing is."""
        ...

    def put(self, endpoint: str, model: str, profile: Mapping[str, Any]) -> None: ...


@define(eq=False)
class MemoryProfiles:
    """Remembers as long as the process lives."""

    _known: dict[tuple[str, str], dict[str, Any]] = field(
        factory=dict[tuple[str, str], dict[str, Any]]
    )

    def get(self, endpoint: str, model: str) -> Mapping[str, Any]:
        return self._known.get((endpoint, model), {})

    def put(self, endpoint: str, model: str, profile: Mapping[str, Any]) -> None:
        self._known[endpoint, model] = dict(profile)


@define(eq=False)
class _Slots:
    """How many requests are pending at one endpoint, and until when it is paused."""

    limit: asyncio.Semaphore | None
    busy: int = 0
    resting_until: float = 0.0


@define(eq=False)
class EndpointState:
    """One for each process; a run that gets none has its own."""

    profiles: Profiles = field(factory=MemoryProfiles)
    windows: Windows = field(factory=Windows)
    prices: ToldPrices = field(factory=ToldPrices)
    served: TimelyAnswers[ServedModel] = field(factory=TimelyAnswers[ServedModel])
    _learnt: dict[tuple[str, str], dict[str, Any]] = field(
        factory=dict[tuple[str, str], dict[str, Any]]
    )
    _slots: dict[tuple[str, int | None], _Slots] = field(
        factory=dict[tuple[str, int | None], _Slots]
    )

    @asynccontextmanager
    async def slot(self, endpoint: Endpoint) -> AsyncGenerator[None]:
        """Wait until the endpoint may get one more request (``maxConcurrent``)."""
        slots = self._slots_of(endpoint)
        slots.busy += 1
        try:
            if slots.limit is None:
                yield
            else:
                async with slots.limit:
                    yield
        finally:
            slots.busy -= 1

    def busy(self, endpoint: Endpoint) -> int:
        """Return how many requests are pending or waiting."""
        return self._slots_of(endpoint).busy

    def rest(self, endpoint: Endpoint, seconds: float = REST_SECONDS) -> None:
        """Pause a failed endpoint for a while."""
        now = asyncio.get_running_loop().time()
        self._slots_of(endpoint).resting_until = now + seconds

    def is_resting(self, endpoint: Endpoint) -> bool:
        return self._slots_of(endpoint).resting_until > asyncio.get_running_loop().time()

    async def profile(self, endpoint: Endpoint, model: str) -> Mapping[str, Any]:
        key = (endpoint.identity, model)
        if key not in self._learnt:
            self._learnt[key] = dict(await asyncio.to_thread(self.profiles.get, *key) or {})
        return self._learnt[key]

    async def learn(self, endpoint: Endpoint, model: str, **facts: object) -> None:
        """Remember what a model can do."""
        key = (endpoint.identity, model)
        known = {**await self.profile(endpoint, model), **facts}
        self._learnt[key] = known
        await asyncio.to_thread(self.profiles.put, *key, known)

    async def dialect(self, endpoint: Endpoint, model: str, known: Dialect) -> Dialect:
        """Return the kind's dialect with what this endpoint's refusals have taught."""
        return known.with_learnt((await self.profile(endpoint, model)).get("dialect"))

    def _slots_of(self, endpoint: Endpoint) -> _Slots:
        key = (endpoint.identity, endpoint.max_concurrent)
        if key not in self._slots:
            limit = endpoint.max_concurrent
            self._slots[key] = _Slots(asyncio.Semaphore(limit) if limit else None)
        return self._slots[key]
