"""What an endpoint tells about its prices counts before the list that comes along."""

import json
from pathlib import Path
from typing import Any

import pytest

from inhouse.core.endpoint_kinds import Kind
from inhouse.core.events import RunResult, RunStatus
from inhouse.core.request import RunRequest
from inhouse.core.route import Endpoint, TokenPrice
from inhouse.providers.cost import pricing
from inhouse.providers.cost.price import Price
from inhouse.providers.cost.usage import read_usage, timings_usage
from inhouse.providers.endpoints.endpoint_prices import ToldPrices
from inhouse.providers.network.egress import Egress
from support.asking import endpoint
from support.fake_servers import routes
from support.hosts import open_host
from support.replay import DONE, HOLD, Replay, http_head, piece, sse, usage_piece

MODEL = "anthropic/claude-sonnet-4.5"  # the price list knows it too
TELLS = {"prompt": "0.000010", "completion": "0.000020", "request": "0.001"}


def openrouter(pricing: Any, **usage: Any) -> list[Any]:
    chat = [
        http_head(),
        *sse(piece("x"), piece(finish="stop"), usage_piece(100, 10, **usage)),
        DONE,
    ]
    models = {"data": [{"id": MODEL, "pricing": pricing}]} if pricing is not None else None
    return routes({"/v1/models": models, "/v1/chat/completions": chat})


async def told(server: Replay, kind: Kind, model: str = MODEL) -> Price | None:
    async with Egress() as egress:
        return await ToldPrices().price(endpoint(server.base_url, kind), model, egress)


@pytest.mark.parametrize(
    ("pricing", "price"),
    [
        (TELLS, Price(0.00001, 0.00002, 0.001)),
        ({"prompt": "0", "completion": "0"}, Price(0, 0)),
        ({"prompt": "-1", "completion": "-1"}, None),
        ({"prompt": "NaN", "completion": "1"}, None),
        ({"prompt": "0.1"}, None),
        ("free", None),
        (None, None),
    ],
)
async def test_openrouter_tells_its_prices_in_its_list_of_models(pricing: Any, price: Price | None):
    with Replay(openrouter(pricing)) as server:
        assert await told(server, Kind.OPENROUTER) == price


@pytest.mark.parametrize(
    ("info", "price"),
    [
        ({"input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-05}, Price(3e-06, 1.5e-05)),
        ({"input_cost_per_token": 0, "output_cost_per_token": 0}, None),
        ({"input_cost_per_token": None}, None),
    ],
)
async def test_litellm_tells_its_prices_in_model_info(info: Any, price: Price | None):
    with Replay(
        routes({"/model/info": {"data": [{"model_name": "team", "model_info": info}]}})
    ) as s:
        assert await told(s, Kind.LITELLM, "team") == price


async def test_an_endpoint_is_asked_once_also_when_it_tells_nothing():
    prices = ToldPrices()
    for answer in (openrouter(TELLS), openrouter(None)):
        with Replay(answer) as server:
            async with Egress() as egress:
                at = endpoint(server.base_url, Kind.OPENROUTER)
                for _ in range(5):
                    await prices.price(at, MODEL, egress)
            assert len(server.requests) == 1


async def test_a_list_that_never_comes_is_not_waited_for():
    with Replay([HOLD]) as server:
        assert await told(server, Kind.OPENROUTER) is None


def test_what_is_told_counts_before_the_list_and_after_the_users_own_word():
    at = Endpoint("o", Kind.OPENROUTER, "https://openrouter.ai/api/v1", "x")
    own = Endpoint("o", Kind.OPENROUTER, "https://x/v1", "x", prices={"*": TokenPrice(1.0, 1.0)})
    tells = Price(1.0, 2.0, 5.0)

    assert pricing.cost(at, MODEL, 1, 1, local=False, told=tells) == 8.0
    assert (pricing.cost(at, MODEL, 1, 1, local=False) or 9) < 0.01
    assert pricing.cost(own, MODEL, 1_000_000, 0, local=False, told=tells) == 1.0
    assert pricing.cost(at, "nobody/nothing", 1, 1, local=False, told=None) is None


async def run(folder: Path, server: Replay, model: str = MODEL, **settings: Any) -> RunResult:
    (folder / "work/.agents").mkdir(parents=True)
    agent = {"id": "helper", "displayName": "H", "model": model}
    (folder / "work/.agents/helper.json").write_text(json.dumps(agent))
    at = {"kind": "openrouter", "baseUrl": server.base_url}
    values = {"endpoints": {"o": at}, "defaultEndpoint": "o", **settings}
    async with open_host(folder, values) as host:
        plan = host.plan(RunRequest("helper", "hi"))
        return await host.run(plan, "run-1", lambda _: None)


@pytest.mark.parametrize(
    ("usage", "cost"), [({}, 100 * 0.00001 + 10 * 0.00002 + 0.001), ({"cost": 0.5}, 0.5)]
)
async def test_a_runs_cost_is_what_the_server_says_of_the_call_else_its_price(
    tmp_path: Path, usage: dict[str, float], cost: float
):
    with Replay(openrouter(TELLS, **usage)) as server:
        done = await run(tmp_path, server)

    assert done.usage.cost_usd == pytest.approx(cost)


async def test_a_price_that_nobody_tells_stays_unknown(tmp_path: Path):
    with Replay(openrouter({"prompt": "-1", "completion": "-1"})) as server:
        done = await run(tmp_path, server, "nobody/nothing")

    assert done.status is RunStatus.COMPLETED
    assert done.usage.cost_usd is None


async def test_the_told_price_stops_a_run_before_the_call_that_would_break_its_budget(
    tmp_path: Path,
):
    with Replay(openrouter(TELLS | {"request": "1.0"})) as server:
        done = await run(tmp_path, server, budgetUsd=0.9)

    assert done.error is not None
    assert done.error.code == "budget"
    assert "budgetUsd" in done.error.message
    assert "/v1/chat/completions" not in server.paths


@pytest.mark.parametrize("cost", [-5, "1", True, None, float("nan"), float("inf")])
def test_a_cost_that_is_none_is_unknown(cost: Any):
    usage = read_usage({"prompt_tokens": cost, "completion_tokens": 1, "cost": cost})

    assert usage is not None
    assert usage.cost_usd is None
    assert usage.input_tokens == 0


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        (
            {
                "prompt_tokens": 20,
                "completion_tokens": 3,
                "prompt_tokens_details": {"cached_tokens": 16},
            },
            (20, 3, 16, 0),
        ),
        (
            {"prompt_tokens": 20, "completion_tokens": 3, "prompt_cache_hit_tokens": 16},
            (20, 3, 16, 0),
        ),
        ({"prompt_tokens": 20, "completion_tokens": 3, "cached_tokens": 16}, (20, 3, 16, 0)),
        (
            {
                "input_tokens": 4,
                "output_tokens": 3,
                "cache_read_input_tokens": 16,
                "cache_creation_input_tokens": 5,
            },
            (25, 3, 16, 5),
        ),
        (
            {"prompt_tokens": 25, "completion_tokens": 3, "cache_creation_input_tokens": 5},
            (25, 3, 0, 5),
        ),
        (
            {"input_tokens": 20, "output_tokens": 3, "input_tokens_details": {"cached_tokens": 16}},
            (20, 3, 16, 0),
        ),
        (  # xAI: thinking beside the answer
            {
                "prompt_tokens": 20,
                "completion_tokens": 3,
                "total_tokens": 33,
                "completion_tokens_details": {"reasoning_tokens": 10},
            },
            (20, 13, 0, 0),
        ),
        (  # OpenAI: thinking inside
            {
                "prompt_tokens": 20,
                "completion_tokens": 13,
                "total_tokens": 33,
                "completion_tokens_details": {"reasoning_tokens": 10},
            },
            (20, 13, 0, 0),
        ),
        (
            {"prompt_tokens": 20, "completion_tokens": 3, "total_tokens": 40},
            (20, 20, 0, 0),
        ),  # Gemini
    ],
)
def test_tokens_are_counted_in_every_vendors_spelling(usage, counts):
    read = read_usage(usage)

    assert read is not None
    assert counts == (
        read.input_tokens,
        read.output_tokens,
        read.cached_tokens,
        read.cache_write_tokens,
    )


@pytest.mark.parametrize(
    ("told", "cost"),
    [
        ({"cost": 0.5}, 0.5),
        ({"cost": {"total_cost": 0.25}}, 0.25),
        ({"cost_in_usd_ticks": 5_000_000_000}, 0.5),
        (
            {"cost": 0.1, "is_byok": True, "cost_details": {"upstream_inference_cost": 2}},
            2.1,
        ),
    ],
)
def test_what_a_server_says_that_an_answer_cost_is_read_in_its_spelling(told, cost):
    read = read_usage({"prompt_tokens": 1, "completion_tokens": 1, **told})

    assert read is not None
    assert read.cost_usd == pytest.approx(cost)


def test_llama_cpps_timings_count_where_it_tells_no_usage():
    usage = timings_usage({"timings": {"prompt_n": 4, "cache_n": 16, "predicted_n": 3}})
    read = read_usage(usage)

    assert read is not None
    assert (read.input_tokens, read.output_tokens, read.cached_tokens) == (20, 3, 16)


def test_tokens_of_a_cache_have_their_own_price_where_it_is_known():
    plain, cached = Price(2e-6, 1e-5), Price(2e-6, 1e-5, token_cached=2e-7, token_cache_write=3e-6)
    own = {"*": TokenPrice(2, 10, 0.2, 3)}
    at = Endpoint("o", Kind.OPENAI, "https://x/v1", "x", prices=own)
    right = 4_000 * 2e-6 + 15_000 * 2e-7 + 1_000 * 3e-6 + 1_000 * 1e-5

    assert plain.of(20_000, 1_000, cached=15_000, written=1_000) == plain.of(20_000, 1_000)
    for cost in (
        cached.of(20_000, 1_000, cached=15_000, written=1_000),
        pricing.cost(at, "m", 20_000, 1_000, local=False, cached=15_000, written=1_000),
    ):
        assert cost == pytest.approx(right)
    url = Endpoint("o", Kind.OPENAI, "https://api.openai.com/v1", "x")
    listed = pricing.cost(url, "gpt-4o", 20_000, 1_000, local=False, cached=16_000)
    assert listed == pytest.approx(0.04)
