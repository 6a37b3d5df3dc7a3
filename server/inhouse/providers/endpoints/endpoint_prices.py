"""Prices that endpoints themselves report, remembered for a while."""

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import define, field

from inhouse.core.endpoint_kinds import PriceSource
from inhouse.core.route import Endpoint
from inhouse.providers.cost.price import Price

if TYPE_CHECKING:
    from inhouse.providers.network.egress import Egress

_BELIEVED_S = 3600.0
_ASKED_AGAIN_S = 60.0


@define(eq=False)
class ToldPrices:
    """Remembers for an hour what each endpoint reported, or for a minute that it did not."""

    _told: dict[str, tuple[float, Mapping[str, Price]]] = field(
        factory=dict[str, tuple[float, Mapping[str, Price]]]
    )
    _lock: asyncio.Lock = field(factory=asyncio.Lock)

    async def price(self, endpoint: Endpoint, model: str, egress: "Egress") -> Price | None:
        """Return a model's price if the endpoint reports one; asks it at most once."""
        if endpoint.kind.profile.prices is PriceSource.NONE:
            return None
        key = endpoint.identity
        async with self._lock:
            until, prices = self._told.get(key, (0.0, dict[str, Price]()))
            if time.monotonic() >= until:
                from inhouse.providers.endpoints.fetch_prices import asked  # noqa: PLC0415  when there is one

                prices = await asked(endpoint, egress)
                kept = _BELIEVED_S if prices else _ASKED_AGAIN_S
                self._told[key] = time.monotonic() + kept, prices
        return prices.get(model)
