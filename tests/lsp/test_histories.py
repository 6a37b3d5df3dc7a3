"""Whatever agents, a user and other programs do to the same files, nobody's text is lost."""

import os

import pytest

from support.history import History

SEEDS = [int(seed) for seed in os.environ.get("INHOUSE_HISTORIES", "4 8 11").split()]
STEPS = 30


@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", SEEDS)
async def test_every_line_is_in_its_file_or_in_a_proposal_or_was_reported(project, seed):
    history = History(project, seed)
    await history.start()
    try:
        for _ in range(STEPS):
            await history.step()
    except AssertionError as error:
        error.add_note(f"seed {seed}, {history.mode}: {history.log[-12:]}\n{history.last}")
        raise
    finally:
        await history.aclose()
