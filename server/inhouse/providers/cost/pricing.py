"""What tokens cost: by the user's price, the endpoint's, or the packaged price list.

Offline: the list is a file of the package and is never updated behind the user's back.
The first look-up imports it (half a second): call it through a thread.
"""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from attrs import frozen

from inhouse.core.events import EndpointUsage
from inhouse.core.route import Endpoint
from inhouse.providers.cost.price import Price

_MILLION = 1_000_000
_ANSWER_TOKENS = 1_000
"""The assumed length of an answer that nothing limits, in tokens."""


def cost(
    endpoint: Endpoint,
    model: str,
    input_tokens: int,
    output_tokens: int,
    *,
    local: bool,
    told: Price | None = None,
    cached: int = 0,
    written: int = 0,
) -> float | None:
    """Return US dollars for these tokens at this endpoint; None if unknown.

    *cached* and *written* are input tokens read from and written to a cache.  What runs on the
    user's own machine costs nothing.  *told* is the endpoint's own price
    (`inhouse.providers.endpoints.endpoint_prices`), which is preferred to the price list
    (genai-prices).
    """
    own = own_price(endpoint, model)
    if own is not None:
        return own.of(input_tokens, output_tokens, cached=cached, written=written)
    if local:
        return 0.0
    if told is not None:
        return told.of(input_tokens, output_tokens, cached=cached, written=written)
    tokens = _Tokens(input_tokens, output_tokens, cached, written)
    if endpoint.kind.profile.maker_prices:
        return _of_maker(model, tokens)
    return _calculated(model, tokens, url=endpoint.base_url)


def estimate(
    endpoint: Endpoint,
    model: str,
    input_tokens: int,
    *,
    max_output_tokens: int | None,
    local: bool,
    told: Price | None = None,
) -> float | None:
    """Estimate what the next call may cost; None if unknown."""
    answer = max_output_tokens or _ANSWER_TOKENS
    return cost(endpoint, model, input_tokens, answer, local=local, told=told)


@frozen
class _Tokens:
    input: int
    output: int
    cached: int = 0
    written: int = 0


def listed(model: str, input_tokens: int, output_tokens: int) -> float | None:
    """Return these tokens' cost at the model's own remote (an OpenRouter id: ``maker/model``)."""
    return _of_maker(model, _Tokens(input_tokens, output_tokens))


def _of_maker(model: str, tokens: _Tokens) -> float | None:
    maker, slash, name = model.rpartition("/")
    if not slash:
        return _calculated(model, tokens)
    at_openrouter = _calculated(model, tokens, provider="openrouter")
    return at_openrouter if at_openrouter is not None else _calculated(name, tokens, provider=maker)


def remote_cost(by_agent: Iterable[tuple[str, EndpointUsage]]) -> float | None:
    """Return what a run would have cost with its definitions' models; None if unknown.

    Takes each agent's model, as its definition names it, with the agent's usage.
    """
    total = 0.0
    for model, usage in by_agent:
        one = listed(model, usage.input_tokens, usage.output_tokens)
        if one is None:
            return None
        total += one
    return total


def own_price(endpoint: Endpoint, model: str) -> Price | None:
    """Return the price that the user's settings say."""
    prices = endpoint.prices
    fitting = (one for name, one in prices.items() if fnmatchcase(model, name))
    found = prices.get(model) or next(fitting, None)
    if found is None:
        return None
    read, write = found.cached_input, found.cache_write
    return Price(
        found.input / _MILLION,
        found.output / _MILLION,
        token_cached=None if read is None else read / _MILLION,
        token_cache_write=None if write is None else write / _MILLION,
    )


def _calculated(
    model: str,
    tokens: _Tokens,
    *,
    provider: str | None = None,
    url: str | None = None,
) -> float | None:
    import genai_prices  # noqa: PLC0415  slow, and not every run needs it

    usage = genai_prices.Usage(
        input_tokens=tokens.input,
        output_tokens=tokens.output,
        cache_read_tokens=tokens.cached or None,
        cache_write_tokens=tokens.written or None,
    )
    try:
        if url is not None:
            price = genai_prices.calc_price(usage, model, provider_api_url=url)
        else:
            price = genai_prices.calc_price(usage, model, provider_id=provider)
    except (LookupError, ValueError):
        return None
    return float(price.total_price)
