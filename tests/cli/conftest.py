import pytest

from support.model_server import ModelServer
from support.terminal import Terminal


@pytest.fixture
def local(terminal: Terminal, server: ModelServer) -> Terminal:
    """A terminal whose environment names the loopback server."""
    terminal.environ["CODEBUFF_LOCAL_BASE_URL"] = server.base_url
    return terminal
