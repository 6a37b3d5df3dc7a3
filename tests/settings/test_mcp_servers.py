"""`mcpServers` in settings: each server from one layer, the user's own first."""

import json
from pathlib import Path

import pytest

from inhouse.core.settings import McpTransport
from inhouse.settings import editor_layer, read_settings
from inhouse.settings.layers import Layer, server_layers, text_layer


def layers(user, workspace=None, *, trusted=True):
    theirs = Layer(
        {"mcpServers": workspace or {}}, "inhouse.toml", from_workspace=True, trusted=trusted
    )
    return [theirs, editor_layer({"mcpServers": user})]


def test_a_server_is_read_whole():
    text = """
[mcpServers.files]
command = "./bin/server"
args = ["-x"]
env = { TOKEN = "${keyring:files}" }

[mcpServers.far]
url = "https://mcp.example.com/mcp"
type = "sse"
params = { region = "eu" }
headers = { Authorization = "Bearer $TOKEN" }
"""
    settings, problems = read_settings([text_layer(Path("/home/me/config.toml"), text)])

    assert not problems
    files, far = settings.mcp_servers["files"], settings.mcp_servers["far"]
    assert (files.command, files.args) == ("/home/me/bin/server", ("-x",))
    assert files.env == {"TOKEN": "${keyring:files}"}
    assert (far.url, far.type, far.params) == (
        "https://mcp.example.com/mcp",
        McpTransport.SSE,
        {"region": "eu"},
    )
    assert far.enabled
    assert "TOKEN" not in repr(settings)


def test_a_workspace_leads_no_server_of_the_users_elsewhere_and_may_switch_it_off():
    mine = {"files": {"command": "mine"}, "off": {"command": "mine", "enabled": False}}
    theirs = {
        "files": {"command": "theirs", "env": {"A": "b"}},
        "off": {"enabled": True},
        "new": {"command": "theirs"},
    }
    settings, problems = read_settings(layers(mine, theirs))

    assert settings.mcp_servers["files"].command == "mine"
    assert settings.mcp_servers["files"].env == {}
    assert not settings.mcp_servers["off"].enabled
    assert settings.mcp_servers["new"].from_workspace
    assert [(p.code, p.key) for p in problems] == [("only-narrower", "mcpServers.files")]

    switched, problems = read_settings(layers(mine, {"files": {"enabled": False}}))
    assert not switched.mcp_servers["files"].enabled
    assert not problems


def test_what_an_untrusted_workspace_names_is_not_there():
    settings, _ = read_settings(layers({}, {"new": {"command": "theirs"}}, trusted=False))

    assert settings.mcp_servers == {}


def test_a_workspace_does_not_say_what_saves_a_question():
    theirs = Layer({"mcpReadOnly": "run"}, "inhouse.toml", from_workspace=True)
    settings, problems = read_settings([theirs])

    assert settings.mcp_read_only.value == "ask"
    assert [p.code for p in problems] == ["user-only"]


WRONG = {
    "text": ("npx x", "is an object"),
    "nothing": ({"enabled": True, "args": ["x"]}, "no command and no url"),
    "both": ({"command": "a", "url": "http://b"}, "a command and a url"),
    "kind": ({"command": "a", "type": "sse"}, "does not go with a command"),
    "stranger": ({"url": "http://b", "env": {"A": "b"}}, "env does not go with a url"),
    "args": ({"command": "a", "args": "x y"}, "expected a list"),
    "placeholder": ({"command": "a", "env": {"A": "${secret:x}"}}, "A placeholder is"),
    "header": ({"url": "http://b", "headers": {"a b": "c"}}, "is not a header name"),
    "key": ({"command": "a", "arguments": []}, "did you mean 'args'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_where_it_stands(name):
    value, words = WRONG[name]
    settings, problems = read_settings([editor_layer({"mcpServers": {"x": value}})])

    assert any(words in problem.message for problem in problems), problems
    assert all(problem.key.startswith("mcpServers.x") for problem in problems)
    assert ("x" in settings.mcp_servers) is (name == "key")


def test_a_slash_in_a_name_could_not_be_told_from_a_tool():
    settings, problems = read_settings([editor_layer({"mcpServers": {"a/b": {"command": "x"}}})])

    assert not settings.mcp_servers
    assert "`server/tool`" in problems[0].message


def test_mcp_json_is_read_beside_the_agents_of_the_workspace_its_parent_and_home(tmp_path):
    home, root = tmp_path / "home", tmp_path / "code/app"
    for folder, command in ((root, "near"), (root.parent, "parent"), (home, "home")):
        (folder / ".agents").mkdir(parents=True)
        servers = {
            command: {"type": "stdio", "command": f"./{command}"},
            "all": {"command": command},
        }
        (folder / ".agents/mcp.json").write_text(json.dumps({"inputs": [], "mcpServers": servers}))

    settings, problems = read_settings(server_layers([root], home, trusted=lambda _: True))

    found = settings.mcp_servers
    assert {name: (one.command, one.from_workspace) for name, one in found.items()} == {
        "near": ("./near", True),
        "parent": ("./parent", True),
        "home": ("./home", False),
        "all": ("home", False),
    }
    assert all(one.for_base_agents for one in found.values())
    assert [each.code for each in problems] == ["only-narrower"] * 2


BROKEN = {
    '{"mcpServers": {': ("bad-json", 0),
    '{"mcpServers": []}': ("bad-value", 0),
    '{\n "mcpServers": {\n  "a": {"command": "x", "url": "http://y"}}}': ("bad-value", 2),
    '{\n "mcpServers": {\n  "a": {"command": "x", "arg": []}}}': ("unknown-key", 2),
    '{"mcpServers": {"a": {"command": "x", "args": []},\n "args": 5}}': ("bad-value", 1),
    '{"x": {"mcpServers": 1},\n"mcp\\u0053ervers": []}': ("bad-value", 1),
}


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_wrong_with_mcp_json_is_told_at_its_line(text, tmp_path):
    (tmp_path / ".agents").mkdir()
    (tmp_path / ".agents/mcp.json").write_text(text)

    settings, (problem,) = read_settings(
        server_layers([tmp_path], tmp_path / "home", trusted=lambda _: True)
    )

    assert (problem.code, problem.range.start.line) == BROKEN[text]
    assert problem.path == tmp_path / ".agents/mcp.json"
    assert settings.privacy == read_settings([])[0].privacy


def test_an_mcp_json_beyond_the_limit_says_so(tmp_path):
    (tmp_path / ".agents").mkdir()
    servers = json.dumps({"mcpServers": {"a": {"command": "x"}}})
    (tmp_path / ".agents/mcp.json").write_text(servers + " " * 2_000_000)

    settings, (problem,) = read_settings(server_layers([tmp_path], tmp_path / "home"))

    assert not settings.mcp_servers
    assert "it is larger than" in problem.message
