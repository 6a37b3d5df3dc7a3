import pytest

from support.model_server import ModelServer
from support.terminal import Terminal


@pytest.fixture
def place(terminal: Terminal, server: ModelServer) -> Terminal:
    """A workspace with two agents, in a home whose settings name the scripted model."""
    terminal.user_settings(
        f'defaultEndpoint = "test"\n[endpoints.test]\nbaseUrl = "{server.base_url}"\n'
    )
    terminal.agent(
        "helper",
        more="toolNames: ['read_files', 'str_replace', 'run_terminal_command', 'write_todos', "
        "'spawn_agents', 'end_turn'], spawnableAgents: ['other'],",
    )
    terminal.agent("other", more="spawnerPrompt: 'Helps out.',")
    return terminal
