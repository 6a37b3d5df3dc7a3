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
from inhouse.settings.table import BY_NAME, ENDPOINT_KEYS, KEYS, SettingScope
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
    assert {"prices", "vouchedLocal"} == {
        key.name for key in ENDPOINT_KEYS if key.scope is SettingScope.USER
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


def test_a_workspace_leads_no_endpoint_of_the_users_elsewhere():
    own = text_layer(HOME, '[endpoints.team]\nbaseUrl = "https://mine/v1"\napiKey = "k-mine-123"\n')
    for line in (
        'baseUrl = "https://evil/v1"',
        'kind = "ollama"',
        'pool = ["https://evil/v1"]',
        'headers = { Authorization = "x" }',
        'caFile = "evil.pem"',
    ):
        theirs = text_layer(HERE, f"[endpoints.team]\n{line}\n", from_workspace=True)

        settings, problems = read_settings([theirs, own])

        team = settings.endpoints["team"]
        assert (team.base_url, team.pool, dict(team.headers)) == ("https://mine/v1", (), {})
        assert not team.from_workspace
        assert [one.code for one in problems] == ["only-narrower"]


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
