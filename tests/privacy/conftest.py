from collections.abc import Iterator
from pathlib import Path

import pytest

from support.model_server import ModelServer
from support.terminal import Terminal


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as started:
        yield started


@pytest.fixture
def evil() -> Iterator[ModelServer]:
    """A server that a hostile repository names."""
    with ModelServer() as started:
        yield started
