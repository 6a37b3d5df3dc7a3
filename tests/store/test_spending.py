"""The budget of a day is one for all processes of a user, also when one of them dies."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from inhouse.core.errors import RefusedError
from inhouse.providers.cost.budget import Budget
from inhouse.store.database import Database
from inhouse.store.spending import SpendingStore


def below(limit: float, estimate: float) -> Callable[[float, float], bool]:
    return lambda spent, under_way: spent + under_way + estimate <= limit


@pytest.fixture
def spending(tmp_path: Path) -> SpendingStore:
    return SpendingStore(Database(tmp_path / "state"))


def test_what_is_under_way_counts_until_it_is_settled(spending: SpendingStore):
    first, *_ = spending.reserve(0.6, below(1.0, 0.6))
    refused = spending.reserve(0.6, below(1.0, 0.6))
    spending.settle(first, 0.1)
    second, spent, under_way = spending.reserve(0.6, below(1.0, 0.6))

    assert first is not None
    assert refused == (None, 0.0, 0.6)
    assert second is not None
    assert (spent, under_way) == (0.1, 0.0)


def test_a_days_spending_is_one_sum_for_all_threads_and_connections(tmp_path: Path):
    def spend(_: int) -> None:
        database = Database(tmp_path / "state")
        try:
            SpendingStore(database).settle(None, 0.5)
        finally:
            database.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(spend, range(8)))

    assert SpendingStore(Database(tmp_path / "state")).spent() == 4.0


PROCESS = """
import asyncio, sys
from pathlib import Path
from inhouse.core.errors import RefusedError
from inhouse.providers.cost.budget import Budget
from inhouse.store.database import Database
from inhouse.store.spending import SpendingStore

async def main():
    day = SpendingStore(Database(Path(sys.argv[1])))
    made = refused = 0
    for _ in range(20):
        budget = Budget(None, daily_limit_usd=1.0, day=day)
        try:
            reservation = await budget.reserve(0.3)
        except RefusedError:
            refused += 1
            continue
        await asyncio.sleep(0.02)  # the call is under way
        await budget.settle(reservation, 0.2)
        made += 1
    print(made, refused)

asyncio.run(main())
"""


def test_two_processes_together_never_spend_more_than_the_days_budget(
    tmp_path: Path, spending: SpendingStore
):
    command = [sys.executable, "-c", PROCESS, str(tmp_path / "state")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = [one.communicate(timeout=60)[0].split() for one in running]

    made = sum(int(one[0]) for one in told)
    assert made == 4  # 0.8 spent, and a fifth call might cost 0.3
    assert spending.spent() == pytest.approx(0.8)
    assert all(int(one[0]) + int(one[1]) == 20 for one in told)


HOLDS = """
import sys, time
from pathlib import Path
from inhouse.store.database import Database
from inhouse.store.spending import SpendingStore
print(SpendingStore(Database(Path(sys.argv[1]))).reserve(0.9, lambda *_: True)[0], flush=True)
time.sleep(60)
"""


def test_what_a_crashed_process_set_aside_counts_no_longer(tmp_path: Path, spending: SpendingStore):
    budget = Budget(None, daily_limit_usd=1.0, day=spending)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path / "state")], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == "1"

        with pytest.raises(RefusedError, match=r"\$0\.9000 is reserved"):
            asyncio.run(budget.reserve(0.5))

        holder.kill()
        holder.wait(10)

    assert asyncio.run(budget.reserve(0.5)).number is not None


async def test_a_call_cancelled_while_it_was_reserved_leaves_nothing_behind(
    spending: SpendingStore,
):
    budget = Budget(None, daily_limit_usd=1.0, day=spending)
    for _ in range(20):
        task = asyncio.create_task(budget.reserve(0.9))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    for _ in range(100):
        if spending.reserve(0.9, below(1.0, 0.9))[0] is not None:
            return
        await asyncio.sleep(0.05)
    pytest.fail("something is still set aside")
