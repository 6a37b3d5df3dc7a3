from collections.abc import Iterator

import pytest

from support.model_server import ModelServer


@pytest.fixture
def evil() -> Iterator[ModelServer]:
    """A server that a hostile repository names."""
    with ModelServer() as started:
        yield started
