"""One sandbox for all tests that evaluate: starting one costs more than most of them."""

import pytest_asyncio

from inhouse.definitions.sandbox import Sandbox


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cache(tmp_path_factory):
    """Hold the compiled interpreter: the first start ever is nobody's time limit."""
    folder = tmp_path_factory.mktemp("cache")
    first = tmp_path_factory.mktemp("first") / "a.ts"
    first.write_text("export default {}")
    sandbox = Sandbox(cache=folder)
    await sandbox.evaluate(first, roots=[first.parent], texts={})
    await sandbox.aclose()
    return folder


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def evaluator(cache):
    sandbox = Sandbox(cache=cache)
    yield sandbox
    await sandbox.aclose()
