"""Asks an endpoint what its models cost: OpenRouter's ``/models``, LiteLLM's ``/model/info``.

Built from their documented formats: ``pricing.prompt`` and ``pricing.completion`` are texts in US
dollars a token, ``pricing.request`` is added to each call; ``-1`` means that nobody knows
(``openrouter/auto``).  LiteLLM writes 0 for a model it has no price for.
"""

import asyncio
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from inhouse.core.endpoint_kinds import PriceSource
from inhouse.core.errors import InhouseError
from inhouse.core.json_values import fields
from inhouse.core.route import Endpoint
from inhouse.providers.cost.price import Price
from inhouse.providers.endpoints.http_json import get_json
from inhouse.providers.endpoints.model_list import entries_of

if TYPE_CHECKING:
    from inhouse.providers.network.egress import Egress

SECONDS = 3.0
"""A server that has not answered by then reports no prices."""


async def asked(endpoint: Endpoint, egress: "Egress") -> dict[str, Price]:
    """Ask an endpoint for its prices; nothing if it does not tell."""
    match endpoint.kind.profile.prices:
        case PriceSource.NONE:
            return {}
        case PriceSource.LITELLM:
            path, read = "/model/info", _litellm
        case PriceSource.MODEL_LIST:
            path, read = "models", _openrouter
    try:
        async with asyncio.timeout(SECONDS):
            told = await get_json(endpoint, path, egress)
    except (InhouseError, TimeoutError):
        return {}
    return dict(read(told))


def _openrouter(told: object) -> Iterator[tuple[str, Price]]:
    for entry in entries_of(told, "data"):
        pricing = fields(entry.get("pricing"))
        price = _price(
            pricing.get("prompt"),
            pricing.get("completion"),
            pricing.get("request", 0),
            pricing.get("input_cache_read"),
            pricing.get("input_cache_write"),
        )
        if price is not None and isinstance(entry.get("id"), str):
            yield entry["id"], price


def _litellm(told: object) -> Iterator[tuple[str, Price]]:
    for entry in entries_of(told, "data"):
        info = fields(entry.get("model_info"))
        price = _price(
            info.get("input_cost_per_token"),
            info.get("output_cost_per_token"),
            0,
            info.get("cache_read_input_token_cost"),
            info.get("cache_creation_input_token_cost"),
        )
        if price is None or not (price.token_in or price.token_out):
            continue
        if isinstance(entry.get("model_name"), str):
            yield entry["model_name"], price


def _price(
    token_in: object, token_out: object, call: object, cached: object, written: object
) -> Price | None:
    amounts = [_amount(one) for one in (token_in, token_out, call)]
    known = [one for one in amounts if one is not None]
    if len(known) != len(amounts):
        return None
    return Price(*known, token_cached=_amount(cached), token_cache_write=_amount(written))


def _amount(value: Any) -> float | None:
    try:
        amount = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return amount if math.isfinite(amount) and amount >= 0 else None
