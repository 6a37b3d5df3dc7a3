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
def local(terminal: Terminal, server: ModelServer) -> Terminal:
    """A terminal whose environment names the loopback server."""
    terminal.environ["CODEBUFF_LOCAL_BASE_URL"] = server.base_url
    return terminal
