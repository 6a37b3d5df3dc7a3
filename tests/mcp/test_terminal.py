"""``inhouse mcp``: what a user sees of the servers that agents name."""

import json
import sys
from pathlib import Path

import pytest

from support.replay import Replay, http_json
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


def test_the_doctor_starts_each_server_and_says_what_is_wrong(tmp_path, server):
    terminal = Terminal(tmp_path)
    good, bad = ([sys.executable, SERVER, mode] for mode in ("good", "exit"))
    agent(terminal, one={"command": good[0], "args": good[1:]})
    written = json.dumps([" ".join(good), " ".join(bad)])
    model = "[endpoints.box]\nbaseUrl = 'http://127.0.0.1:9/v1'\n"
    broken = f"[mcpServers.two]\ncommand = {json.dumps(bad[0])}\nargs = {json.dumps(bad[1:])}\n"

    terminal.environ["CODEBUFF_LOCAL_BASE_URL"] = server.base_url
    asked = terminal("doctor", "--trust")
    terminal.user_settings(f"allowedCommands = {written}\n{broken}")
    told = terminal("doctor", "--trust")
    for_programs = terminal("doctor", "--json", "--trust")
    terminal.user_settings(f"allowedCommands = {written}\n{model}")
    unreachable = terminal("doctor", "--trust")

    assert "nobody allowed it" in asked.out
    assert asked.status == 0  # nothing is known to be broken
    assert "✓ one" in told.out
    assert "one/echo" in told.out
    assert "cannot find module 'x'" in told.out
    assert told.status == 1
    assert "✓ one" in unreachable.out
    servers = {one["name"]: one for one in for_programs.json if one["kind"] == "mcp"}
    assert servers["one"]["reachable"]
    assert "one/echo" in servers["one"]["tools"]
    assert servers["two"]["findings"][0]["severity"] == "error"
    assert for_programs.status == 1


def test_a_server_that_is_switched_off_is_nothing_broken_also_where_an_agent_names_it(
    tmp_path, server
):
    terminal = Terminal(tmp_path)
    terminal.environ["CODEBUFF_LOCAL_BASE_URL"] = server.base_url
    off = f"[mcpServers.two]\ncommand = {json.dumps(sys.executable)}\nenabled = false\n"
    terminal.user_settings(off)
    terminal.agent(more="toolNames: ['two/*'],")

    told = terminal("doctor", "--trust")

    assert "it is turned off" in told.out
    assert told.status == 0


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


@pytest.mark.parametrize("kind", ["http", "sse"])
@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, 'write `Authorization: "Bearer $TOKEN"` into the `headers` of this server'),
        (404, "there is no MCP server here.  Correct `url`, or `type` (http or sse)"),
        (503, "it answered 503 Service Unavailable"),
    ],
)
def test_a_remote_server_that_refuses_is_told_with_what_would_work(tmp_path, kind, status, words):
    terminal = Terminal(tmp_path)
    with Replay(http_json({"error": "invalid_token"}, status)) as server:
        agent(terminal, far={"type": kind, "url": f"{server.root}/mcp"})

        checked = terminal("mcp", "check", "--json", "--trust")

    assert words in checked.json[0]["problem"]
