"""Reads what an answer used, in every vendor's spelling: tokens, cached ones, cost."""

from collections.abc import Mapping
from typing import Any

from inhouse.core.events import UsageReported
from inhouse.core.json_values import Json, fields

_LARGEST = 1e15
_TICKS_PER_DOLLAR = 10_000_000_000
"""xAI's ``cost_in_usd_ticks``."""


def read_usage(usage: object) -> UsageReported | None:
    """Read ``usage`` of OpenAI, OpenRouter, LiteLLM, Anthropic, DeepSeek, Kimi, xAI, Gemini.

    Cached tokens are part of the input and thinking is part of the output, whether the server
    counts them so or separately: its ``total_tokens`` shows which.
    """
    known = fields(usage)
    if not known:
        return None
    read, written = _first_of(known, *_CACHE_READ), _first_of(known, *_CACHE_WRITTEN)
    output = _count(known.get("completion_tokens", known.get("output_tokens")))
    if "prompt_tokens" in known:
        given = _count(known["prompt_tokens"])
        beside = given < read + written
    else:
        given = _count(known.get("input_tokens"))
        # Anthropic's own spelling: input_tokens excludes cached tokens.
        beside = "input_tokens_details" not in known and read + written > 0
    thought = _count(_details(known, "completion", "output").get("reasoning_tokens"))
    total = _count(known.get("total_tokens"))
    more = total - given - output
    if beside:
        given += read + written
    elif more > 0 and more == read + written:
        given += more
    elif more > 0:
        # Thinking that is counted separately (xAI, Gemini) is paid as output.
        output += more if not thought or more >= thought else 0
    return UsageReported(
        given,
        output,
        _cost(known),
        cached_tokens=min(read, given),
        cache_write_tokens=min(written, given),
    )


def timings_usage(piece: Mapping[str, object]) -> Json | None:
    """Read llama.cpp's ``timings``, if it sends no ``usage``."""
    timings = fields(piece.get("timings"))
    if not timings:
        return None
    cached = _count(timings.get("cache_n")) or _count(piece.get("tokens_cached"))
    return {
        "prompt_tokens": _count(timings.get("prompt_n")) + cached,
        "completion_tokens": _count(timings.get("predicted_n")),
        "prompt_tokens_details": {"cached_tokens": cached},
    }


def _details(known: Mapping[str, Any], *names: str) -> dict[str, Any]:
    found = [fields(known.get(f"{name}_tokens_details")) for name in names]
    return next(filter(None, found), fields(None))


_CACHE_READ = (
    ("cached_tokens", "cache_read_tokens"),
    (
        *("cache_read_input_tokens", "prompt_cache_hit_tokens", "cached_tokens"),
        *("num_cached_tokens", "cached_content_token_count"),
    ),
)
"""Names of a count in the details of the input, and beside them."""
_CACHE_WRITTEN = (
    ("cache_creation_tokens", "cache_write_tokens"),
    ("cache_creation_input_tokens", "cache_write_input_tokens", "cache_write_tokens"),
)


def _first_of(known: Mapping[str, Any], inner: tuple[str, ...], outer: tuple[str, ...]) -> int:
    """Return the first count that is not zero."""
    details = _details(known, "prompt", "input")
    told = (*(details.get(name) for name in inner), *(known.get(name) for name in outer))
    return next((count for value in told if (count := _count(value))), 0)


def _cost(known: Mapping[str, Any]) -> float | None:
    """Read what the answer cost according to the server, in US dollars."""
    told = known.get("cost", known.get("estimated_cost", known.get("total_cost")))
    inner = fields(told)
    cost = _amount(inner.get("total_cost", inner.get("total")) if inner else told)
    if (ticks := _amount(known.get("cost_in_usd_ticks"))) is not None and cost is None:
        return ticks / _TICKS_PER_DOLLAR
    upstream = _amount(fields(known.get("cost_details")).get("upstream_inference_cost"))
    if known.get("is_byok") is True and upstream is not None:
        return (cost or 0.0) + upstream  # OpenRouter's fee, and the bill of the user's own key
    return cost


def _count(value: object) -> int:
    return int(_amount(value) or 0)


def _amount(value: object) -> float | None:
    """Read an amount; a negative one would refund money to a budget and is ignored."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < _LARGEST else None
