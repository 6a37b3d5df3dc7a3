"""``inhouse mcp``: what a user sees of the servers that agents name."""

import json
import sys
from pathlib import Path

from support.terminal import Terminal

SERVER = str(Path(__file__).parents[1] / "support" / "mcp_server.py")


def agent(terminal, **servers):
    terminal.agent(more=f"mcpServers: {json.dumps(servers)},")


def test_the_servers_are_listed_without_being_started_and_checked_for_real(tmp_path):
    terminal = Terminal(tmp_path)
    agent(terminal, one={"command": sys.executable, "args": [SERVER, "prompts"]})

    listed = terminal("mcp", "list", "--json", "--trust").json
    assert [each["name"] for each in listed] == ["one"]
    assert listed[0]["tools"] is None
    refused = terminal("mcp", "check", "--trust")
    assert refused.status == 1
    assert "it was not started: nobody allowed it" in refused.out
    line = f"{sys.executable} {SERVER} prompts"
    terminal.user_settings(f"allowedCommands = [{json.dumps(line)}]")
    checked = terminal("mcp", "check", "--trust")

    assert checked.status == 0, checked.out + checked.err
    assert "one/weather" in checked.out
    assert "<U+202E>" in checked.out
    assert "\u202e" not in checked.out


def test_a_workspace_sends_no_variable_of_the_user_to_a_host_it_names(tmp_path):
    terminal = Terminal(tmp_path)
    terminal.environ["MY_KEY"] = "sk-secret-1234567"
    headers = {"Authorization": "$MY_KEY"}
    agent(terminal, far={"url": "http://127.0.0.1:9/mcp", "headers": headers})

    checked = terminal("mcp", "check", "--json", "--trust")

    assert checked.status == 1
    [status] = checked.json
    assert "MY_KEY" in status["problem"]
    assert "allowedEnvironment" in status["problem"]
    assert "sk-secret" not in checked.out
