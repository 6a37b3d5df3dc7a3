"""One sandbox for all tests that evaluate: starting one costs more than most of them."""

import pytest_asyncio

from inhouse.definitions.sandbox import Sandbox


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def evaluator(tmp_path_factory):
    sandbox = Sandbox(cache=tmp_path_factory.mktemp("evaluator-cache"))
    yield sandbox
    await sandbox.aclose()
