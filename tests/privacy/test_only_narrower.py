"""A workspace narrows what the user set and widens nothing, whatever it writes and wherever."""

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.settings import read_settings
from inhouse.settings.layers import editor_layers, text_layer
from inhouse.settings.table import BY_NAME, CONNECTION, ENDPOINT_KEYS, KEYS, SettingScope
from support.model_server import ModelServer
from support.terminal import Terminal

HERE, HOME = Path("/w/inhouse.toml"), Path("/home/config.toml")
ORDERS = {
    "privacy": ("any", "ask", "local-only"),
    "edits": ("apply", "review"),
    "commands": ("ask", "allow-listed", "never"),
    "trace": ("verbose", "messages", "off"),
    "maxSteps": (500, 200, 7),
    "budgetUsd": (None, 9.5, 0.0),
}
"""Every value that narrows the one before it."""
DEFAULTS = {"privacy": "any", "edits": "review", "commands": "ask", "trace": "off"}
DEFAULTS |= {"maxSteps": 200, "budgetUsd": None}
FREE = {
    "endpoints": "trust decides what they do, and no key of the user's goes there",
    "routes": "as endpoints",
    "defaultEndpoint": "as endpoints",
    "agentFolders": "trust is about what is in them",
    "embedded": "it is this machine",
    "compactAt": "it is when a conversation is summarised; budgets and steps hold",
    "showTranscript": "it opens a document",
    "mcpServers": "as endpoints: trust decides, each start is asked for, none of the user's moves",
}
"""What a workspace may say freely, and why.  A new setting is not free by accident."""
FREE_ENDPOINT = {
    "firstTokenTimeout": "it is patience",
    "idleTimeout": "it is patience",
    "models": "a workspace's own agents name any model of your endpoint; privacy and budgets hold",
    "contextWindow": "it is when a conversation is summarised",
    "tools": "it is how calls are written",
    "temperature": "it is style",
    "topP": "it is style",
    "keepAlive": "it is memory of the user's own Ollama",
}
"""The same for an endpoint of the user's; a connection is never a workspace's to set."""
MINE = {
    "kind": "openrouter",
    "baseUrl": "https://mine/v1",
    "apiKey": "k-mine-123",
    "headers": {"X-Team": "mine"},
    "pool": ["https://mine/2"],
    "modelPath": "/mine.gguf",
    "firstTokenTimeout": 9.0,
    "idleTimeout": 9.0,
    "maxConcurrent": 2,
    "maxTokens": 500,
    "models": {"a": "mine"},
    "contextWindow": 9000,
    "tools": "text",
    "temperature": 0.5,
    "topP": 0.5,
    "keepAlive": "5m",
    "vouchedLocal": False,
    "extraBody": {"provider": {"data_collection": "deny"}},
    "prices": {"a": {"input": 9.0, "output": 9.0}},
}
THEIRS = {
    "kind": "ollama",
    "baseUrl": "https://evil/v1",
    "apiKey": "k-evil-123",
    "headers": {"X-Team": "evil"},
    "pool": ["https://evil/2"],
    "modelPath": "/evil.gguf",
    "firstTokenTimeout": 1.0,
    "idleTimeout": 1.0,
    "maxConcurrent": 50,
    "maxTokens": 99_999,
    "models": {"a": "evil"},
    "contextWindow": 1000,
    "tools": "native",
    "temperature": 1.5,
    "topP": 0.9,
    "keepAlive": "-1",
    "vouchedLocal": True,
    "caFile": "evil.pem",
    "extraBody": {"provider": {"data_collection": "allow"}, "api_base": "https://evil"},
    "prices": {"a": {"input": 0.0, "output": 0.0}},
}


def toml(**values: Any) -> str:
    return "\n".join(f"{k} = {json.dumps(v)}" for k, v in values.items() if v is not None)


def field(name: str) -> str:
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in name)


def value(settings: Any, name: str) -> Any:
    found = getattr(settings, field(name))
    return getattr(found, "value", found)


def test_every_setting_says_whether_a_workspace_may_widen_it():
    free = {key.name for key in KEYS if key.scope is SettingScope.ANYWHERE}
    narrowing = {key.name for key in KEYS if key.scope is SettingScope.NARROWING}

    assert free == set(FREE)
    assert narrowing == set(ORDERS)
    of_endpoints = {
        scope: {key.name for key in ENDPOINT_KEYS if key.scope is scope} - CONNECTION
        for scope in SettingScope
    }
    assert of_endpoints == {
        SettingScope.ANYWHERE: set(FREE_ENDPOINT),
        SettingScope.NARROWING: {"maxTokens", "maxConcurrent"},
        SettingScope.OWNER: {"extraBody"},
        SettingScope.USER: {"prices", "vouchedLocal"},
    }


CASES = [
    (name, mine, theirs)
    for name, order in ORDERS.items()
    for mine, theirs in product((*order, "unset"), order)
    if theirs is not None
]


@pytest.mark.parametrize(("name", "mine", "theirs"), CASES)
@pytest.mark.parametrize("where", ["inhouse.toml", "the editor's workspace settings"])
def test_the_narrower_value_counts_and_the_wider_one_is_told(
    name: str, mine: Any, theirs: Any, where: str
):
    order = ORDERS[name]
    own = text_layer(HOME, "" if mine == "unset" else toml(**{name: mine}))
    if where == "inhouse.toml":
        layers = (text_layer(HERE, "\n" + toml(**{name: theirs}), from_workspace=True), own)
    else:
        layers = (*editor_layers({"workspace": {name: theirs}}), own)
    users = DEFAULTS[name] if mine == "unset" else mine

    settings, problems = read_settings(layers)

    at = max(order.index(users), order.index(theirs))
    assert value(settings, name) == order[at]
    if order.index(theirs) >= order.index(users):
        assert problems == ()
        return
    (told,) = problems
    assert told.code == "only-narrower"
    assert "add it to your own settings" in told.message
    if where == "inhouse.toml":
        assert (told.path, told.range.start.line) == (HERE, 1)


written = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(order) for name, order in ORDERS.items()}
)


@given(st.lists(written, max_size=3), written, written)
def test_however_many_workspaces_and_whatever_they_say_nothing_gets_wider(
    theirs: list[dict[str, Any]], editor: dict[str, Any], mine: dict[str, Any]
):
    users = [*editor_layers(editor), text_layer(HOME, toml(**mine))]
    layers = [text_layer(HERE, toml(**one), from_workspace=True) for one in theirs]

    alone, _ = read_settings(users)
    with_them, _ = read_settings([*layers, *users])

    for name, order in ORDERS.items():
        assert order.index(value(with_them, name)) >= order.index(value(alone, name))


@pytest.mark.parametrize("name", [key.name for key in KEYS if key.scope is SettingScope.USER])
def test_what_is_the_users_alone_is_told(name: str):
    example = {
        "allowedCommands": ["curl evil"],
        "dailyBudgetUsd": 9.0,
        "keptTranscripts": 0,
        "keptSessions": 0,
        "localAddresses": ["8.0.0.0/8"],
        "allowedEnvironment": ["HOME"],
        "keyHosts": {"env:X": ["evil"]},
        "mcpReadOnly": "run",
        "sendOnSave": True,
    }[name]
    settings, (told,) = read_settings(editor_layers({"workspace": {name: example}}))

    assert told.code == "user-only"
    plain = read_settings(())[0]
    assert value(settings, name) == value(plain, name)
    assert BY_NAME[name].scope is SettingScope.USER


@pytest.mark.parametrize("zero", [0, 0.0, 1e-300])
def test_a_workspace_sets_no_price(zero: float):
    text = (
        '[endpoints.mine]\nkind = "openrouter"\n'
        f'[endpoints.mine.prices]\n"*" = {{ input = {zero}, output = {zero} }}\n'
    )
    own = text_layer(HOME, '[endpoints.mine]\nkind = "openrouter"\napiKey = "k-mine-123"\n')

    for layers in ([text_layer(HERE, text, from_workspace=True)], []):
        settings, problems = read_settings([*layers, own])
        assert not settings.endpoints["mine"].prices
        assert settings.endpoints["mine"].api_key is not None
    assert problems == ()


@pytest.mark.parametrize("name", [key.name for key in ENDPOINT_KEYS])
@pytest.mark.parametrize("where", ["inhouse.toml", "the editor's workspace settings"])
def test_whatever_a_workspace_says_of_an_endpoint_of_the_users_widens_nothing(
    name: str, where: str
):
    own = editor_layers({"endpoints": {"team": MINE}})
    said = {"endpoints": {"team": {name: THEIRS[name]}}}
    if where == "inhouse.toml":
        text = f"[endpoints.team]\n{name} = {inline(THEIRS[name])}\n"
        theirs = (text_layer(HERE, text, from_workspace=True),)
    else:
        theirs = editor_layers({"workspace": said})

    before, _ = read_settings(own)
    settings, problems = read_settings([*theirs, *own])

    team = settings.endpoints["team"]
    assert not team.from_workspace
    if name in FREE_ENDPOINT:
        assert team != before.endpoints["team"]
        assert problems == ()
        return
    assert team == before.endpoints["team"]
    (told,) = problems
    assert told.code in ("only-narrower", "user-only")
    assert told.key == f"endpoints.team.{name}"


def test_a_workspace_may_lower_the_limits_of_an_endpoint_and_fill_its_own_requests():
    own = text_layer(HOME, toml_of("team", baseUrl="https://mine/v1", maxTokens=500))
    theirs = toml_of("team", maxTokens=50, maxConcurrent=1)
    theirs += toml_of("other", baseUrl="https://x/v1", extraBody={"min_p": 0.1}, maxTokens=9000)

    settings, problems = read_settings([text_layer(HERE, theirs, from_workspace=True), own])

    team, other = settings.endpoints["team"], settings.endpoints["other"]
    assert (team.max_tokens, team.max_concurrent) == (50, 1)
    assert (other.max_tokens, dict(other.extra_body)) == (9000, {"min_p": 0.1})
    assert problems == ()


@pytest.mark.parametrize(("name", "value"), [("vouchedLocal", True), ("extraBody", {"k": "mine"})])
def test_what_a_user_says_of_a_server_is_not_said_of_one_that_a_workspace_chose(
    name: str, value: Any
):
    own = text_layer(HOME, toml_of("team", **{name: value}))
    theirs = text_layer(HERE, toml_of("team", baseUrl="http://127.0.0.1:9/v1"), from_workspace=True)
    beside = text_layer(HOME, toml_of("team", baseUrl="http://127.0.0.1:9/v1", **{name: value}))

    settings, (told,) = read_settings([theirs, own])
    mine, _ = read_settings([beside])

    team = settings.endpoints["team"]
    assert team.from_workspace
    assert not team.vouched_local
    assert not team.extra_body
    assert (told.code, told.key) == ("key-without-url", f"endpoints.team.{name}")
    assert mine.endpoints["team"].vouched_local or mine.endpoints["team"].extra_body


def toml_of(endpoint: str, **values: Any) -> str:
    lines = [f"{name} = {inline(value)}" for name, value in values.items()]
    return "\n".join((f"[endpoints.{endpoint}]", *lines, ""))


def inline(value: Any) -> str:
    """A value of TOML, with its tables on one line."""
    if not isinstance(value, dict):
        return json.dumps(value)
    return "{ " + ", ".join(f"{name} = {inline(one)}" for name, one in value.items()) + " }"


def test_mcp_json_beside_a_workspace_is_not_the_editors_to_trust(
    terminal: Terminal, server: ModelServer, evil: ModelServer
):
    """An editor, or ``--trust``, trusts the folders that are open, not their parent."""
    terminal.environ["CODEBUFF_LOCAL_BASE_URL"] = server.base_url
    beside = terminal.workspace.parent / ".agents"
    beside.mkdir()
    servers = {"theirs": {"url": f"{evil.base_url}/mcp"}}
    (beside / "mcp.json").write_text(json.dumps({"mcpServers": servers}))
    terminal.agent("base-mine")

    done = terminal("run", "base-mine", "hi", "--trust")

    assert done.status == 0, done
    assert evil.requests == []

    assert terminal("trust").status == 0
    assert terminal("run", "base-mine", "hi").status == 0
    assert evil.requests != []


def test_the_users_own_agent_stays_on_the_users_terms_in_a_trusted_workspace(
    terminal: Terminal, server: ModelServer
):
    terminal.environ["CODEBUFF_LOCAL_BASE_URL"] = server.base_url
    terminal.user_settings('privacy = "local-only"\ncommands = "never"\n')
    terminal.settings('privacy = "any"\ncommands = "ask"\nallowedCommands = ["touch x"]\n')
    terminal.agent()
    assert terminal("trust").status == 0

    route = terminal("explain", "helper", "--endpoint", "environment", "--json")
    done = terminal("run", "helper", "hi")

    assert route.status == 0
    assert done.status == 0
    assert "only narrow" in done.err
    assert "inhouse.toml" in done.err
