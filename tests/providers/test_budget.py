"""A budget stops before the call that would break it; prices say what is known."""

import asyncio
from collections.abc import Callable

import pytest

from inhouse.core.endpoint_kinds import Kind
from inhouse.core.errors import RefusedError
from inhouse.core.events import EndpointUsage
from inhouse.core.route import Endpoint, TokenPrice
from inhouse.providers.cost import pricing
from inhouse.providers.cost.budget import Budget

OPENROUTER = Endpoint("o", Kind.OPENROUTER, "https://openrouter.ai/api/v1", "x")
TEAM = Endpoint(
    "t", Kind.OPENAI, "https://llm.example.com/v1", "x", prices={"big*": TokenPrice(2.0, 8.0)}
)


class Day(list[float]):
    """A day in memory; the real one is the store's (tests/store/test_spending.py)."""

    def __init__(self, *spent: float) -> None:
        super().__init__(spent)
        self.reserved: dict[int, float] = {}

    def reserve(
        self, usd: float, fits: Callable[[float, float], bool]
    ) -> tuple[int | None, float, float]:
        spent, under_way = sum(self), sum(self.reserved.values())
        if not fits(spent, under_way):
            return None, spent, under_way
        self.reserved[number := len(self.reserved) + 1] = usd
        return number, spent, under_way

    def settle(self, number: int | None, usd: float) -> None:
        self.reserved.pop(number or 0, None)
        if usd:
            self.append(usd)


async def test_a_call_that_fits_passes_and_one_that_would_break_it_does_not():
    budget = Budget(1.0, limit_source="config.toml: budgetUsd")
    first = await budget.reserve(0.6)
    await budget.settle(first, 0.7)

    with pytest.raises(RefusedError) as caught:
        await budget.reserve(0.4)

    assert caught.value.code == "budget"
    assert "config.toml: budgetUsd" in caught.value.reason
    assert "Raise budgetUsd" in caught.value.remedy
    assert budget.spent_usd == 0.7
    await budget.reserve(0.3)


async def test_calls_under_way_at_once_count_together():
    budget = Budget(1.0)

    results = await asyncio.gather(
        *(budget.reserve(0.3) for _ in range(10)), return_exceptions=True
    )

    assert sum(isinstance(one, RefusedError) for one in results) == 7


async def test_what_was_never_sent_is_given_back():
    budget = Budget(1.0)
    reservation = await budget.reserve(0.9)
    await budget.release(reservation)
    await budget.release(reservation)
    await budget.settle(reservation, 5.0)

    assert budget.spent_usd == 0
    await budget.reserve(1.0)


async def test_a_cost_that_nobody_told_counts_as_it_was_estimated():
    budget = Budget(1.0)
    await budget.settle(await budget.reserve(0.4), None)

    assert budget.spent_usd == 0.4


async def test_a_budget_of_nothing_lets_local_models_work():
    budget = Budget(0.0)
    await budget.reserve(0.0)

    with pytest.raises(RefusedError):
        await budget.reserve(0.000001)


async def test_a_price_nobody_knows_passes_until_the_budget_is_used_up():
    budget = Budget(1.0)
    await budget.settle(await budget.reserve(None), 1.5)

    with pytest.raises(RefusedError):
        await budget.reserve(None)
    await budget.reserve(0.0)


async def test_the_days_budget_is_shared_by_all_runs():
    day = Day(0.5)
    first = Budget(None, daily_limit_usd=1.0, day=day)
    second = Budget(None, daily_limit_usd=1.0, day=day)
    await first.settle(await first.reserve(0.4), 0.4)

    with pytest.raises(RefusedError, match="budget of this day"):
        await second.reserve(0.2)
    assert day == [0.5, 0.4]


async def test_without_limits_nothing_is_refused_and_the_days_sum_is_kept():
    day = Day()
    budget = Budget(None, day=day)
    await budget.settle(await budget.reserve(None), 3.0)

    assert not budget.is_limited
    assert day == [3.0]


def test_a_local_model_costs_nothing():
    assert pricing.cost(TEAM, "small", 1000, 1000, local=True) == 0


def test_the_users_own_price_counts_first():
    assert pricing.cost(TEAM, "big-1", 1_000_000, 500_000, local=False) == 6.0
    assert pricing.cost(TEAM, "big-1", 1_000_000, 0, local=True) == 2.0


def test_the_price_list_knows_openrouters_models_and_says_what_it_does_not_know():
    known = pricing.cost(OPENROUTER, "anthropic/claude-sonnet-4.5", 1000, 100, local=False)

    assert known is not None
    assert 0.0001 < known < 1
    assert pricing.cost(OPENROUTER, "nobody/nothing", 1000, 100, local=False) is None
    assert pricing.cost(TEAM, "small", 1000, 100, local=False) is None


def test_the_next_call_is_estimated_with_its_longest_answer():
    short = pricing.estimate(TEAM, "big", 1000, max_output_tokens=10, local=False)
    long = pricing.estimate(TEAM, "big", 1000, max_output_tokens=10_000, local=False)

    assert short is not None
    assert long is not None
    assert short < long


def test_what_a_run_would_have_cost_elsewhere_is_known_or_not():
    used = EndpointUsage(1000, 100)

    assert (pricing.remote_cost([("anthropic/claude-sonnet-4.5", used)]) or 0) > 0
    assert pricing.remote_cost([("anthropic/claude-sonnet-4.5", used), ("local", used)]) is None
    assert pricing.remote_cost([]) == 0


async def test_calls_under_way_in_other_runs_count_for_the_day():
    day = Day()
    runs = [Budget(None, daily_limit_usd=1.0, day=day) for _ in range(5)]

    results = await asyncio.gather(*(run.reserve(0.4) for run in runs), return_exceptions=True)

    assert sum(isinstance(one, RefusedError) for one in results) == 3


@pytest.mark.parametrize("answer", [True, False])
async def test_a_budget_that_is_reached_may_be_raised_once(answer: bool) -> None:
    asked: list[float] = []

    async def may_raise(limit: float, why: str) -> bool:
        assert "$1 (budgetUsd)" in why
        asked.append(limit)
        return answer

    budget = Budget(1.0, may_raise=may_raise)
    await budget.settle(await budget.reserve(0.5), 0.9)
    if answer:
        await budget.settle(await budget.reserve(0.5), 1.0)
    with pytest.raises(RefusedError) as caught:
        await budget.reserve(0.5)

    assert asked == [2.0]
    told = "$2 (raised from $1, budgetUsd)" if answer else "$1 (budgetUsd)"
    assert told in str(caught.value)
