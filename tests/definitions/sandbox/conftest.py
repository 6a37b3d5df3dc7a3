"""One sandbox for all tests of this folder: starting one costs more than most of them."""

import pytest_asyncio

from inhouse.definitions.sandbox import Sandbox


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sandbox(cache):
    sandbox = Sandbox(cache=cache)
    yield sandbox
    await sandbox.aclose()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def hasty(cache):
    """One that waits a short time only."""
    sandbox = Sandbox(cache=cache, time_limit=0.3)
    yield sandbox
    await sandbox.aclose()
