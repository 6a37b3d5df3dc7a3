"""What every room's tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from support.model_server import ModelServer
from support.terminal import Terminal

# How long an example takes depends on what else the machine does.
settings.register_profile("inhouse", deadline=None)
settings.load_profile("inhouse")


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """A scripted model behind a loopback server."""
    with ModelServer() as started:
        yield started
