"""Layers of settings become values; what is wrong is told where it stands."""

from pathlib import Path

import pytest
from attrs import evolve

from inhouse.core.endpoint_kinds import Kind
from inhouse.core.errors import RefusedError, UserError
from inhouse.core.placeholders import KeySources
from inhouse.core.route import Privacy
from inhouse.core.settings import CommandMode, EditMode, Settings, Trace
from inhouse.core.text import Severity
from inhouse.settings import (
    Layer,
    SettingsProblem,
    editor_layer,
    layers_from_files,
    read_settings,
    text_layer,
)

WORKSPACE = Path("/somewhere/project")
USER = Path("/somewhere/config")


def editor(**values: object) -> Layer:
    return editor_layer(values)


def workspace(text: str, *, trusted: bool = True) -> Layer:
    return text_layer(WORKSPACE / "inhouse.toml", text, from_workspace=True, trusted=trusted)


def user(text: str) -> Layer:
    return text_layer(USER / "config.toml", text)


def read(*layers: Layer, keys: KeySources | None = None) -> Settings:
    return read_settings(layers, keys)[0]


def problems(*layers: Layer, keys: KeySources | None = None) -> list[SettingsProblem]:
    return list(read_settings(layers, keys)[1])


def keys_of_problems(*layers: Layer) -> list[str]:
    return [one.key for one in problems(*layers)]


def test_nothing_written_gives_the_defaults_of_the_contract():
    settings = read()

    assert settings.privacy is Privacy.ANY
    assert settings.edits is EditMode.REVIEW
    assert settings.commands is CommandMode.ASK
    assert settings.max_steps == 200
    assert settings.budget_usd is None
    assert settings.trace is Trace.OFF
    assert (settings.endpoints, settings.routes, settings.allowed_commands) == ({}, (), ())


def test_the_contracts_own_example_is_read_without_a_complaint():
    settings, found = read_settings(
        [
            editor_layer(
                {
                    "endpoints": {
                        "ollama": {"baseUrl": "http://localhost:11434", "kind": "ollama"},
                        "openrouter": {
                            "kind": "openrouter",
                            "apiKey": "${env:OPENROUTER_API_KEY}",
                        },
                        "team": {
                            "baseUrl": "https://llm.example.com/v1",
                            "kind": "openai",
                            "apiKey": "${keyring:team}",
                            "headers": {},
                            "firstTokenTimeout": 600,
                            "idleTimeout": 120,
                            "maxConcurrent": 4,
                            "models": {"anthropic/claude-sonnet-4.5": "qwen3-coder:30b"},
                        },
                    },
                    "routes": [{"agents": "file-*", "endpoint": "ollama", "model": "qwen3:4b"}],
                    "defaultEndpoint": "openrouter",
                    "privacy": "any",
                    "edits": "review",
                    "commands": "ask",
                    "allowedCommands": [],
                    "agentFolders": [],
                    "maxSteps": 200,
                    "budgetUsd": None,
                    "trace": "off",
                }
            )
        ],
        KeySources(environment={"OPENROUTER_API_KEY": "sk-or-1"}, keyring=lambda name: name * 3),
    )

    assert found == ()
    assert settings.endpoints["ollama"].base_url == "http://localhost:11434"
    assert settings.endpoints["openrouter"].base_url == "https://openrouter.ai/api/v1"
    assert settings.endpoints["openrouter"].api_key.reveal() == "sk-or-1"
    assert settings.endpoints["team"].api_key.reveal() == "teamteamteam"
    assert settings.endpoints["team"].max_concurrent == 4
    assert settings.routes[0].model == "qwen3:4b"
    assert settings.default_endpoint == "openrouter"


def test_the_nearer_layer_wins_value_by_value():
    settings = read(
        editor(maxSteps=1),
        workspace('maxSteps = 2\nedits = "review"'),
        user('maxSteps = 3\nedits = "apply"\ncommands = "never"'),
    )

    assert settings.max_steps == 1
    assert settings.edits is EditMode.REVIEW
    assert settings.commands is CommandMode.NEVER
    assert settings.sources["edits"].endswith("inhouse.toml: edits")


def test_null_is_as_if_it_were_not_written():
    assert read(editor(maxSteps=None), user("maxSteps = 3")).max_steps == 3


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("maxSteps", "many", "expected a number, not a text"),
        ("maxSteps", True, "expected a number, not true"),
        ("maxSteps", 0, "expected 1 or more"),
        ("maxSteps", 1.5, "expected a whole number"),
        ("maxSteps", float("nan"), "expected a number"),
        ("budgetUsd", -1, "expected 0 or more"),
        ("budgetUsd", "5", "expected a number, not a text"),
        ("edits", "aply", "did you mean 'apply'?"),
        ("edits", 3, "expected one of review, apply"),
        ("commands", "allowlisted", "did you mean 'allow-listed'?"),
        ("trace", "loud", "expected one of off, messages, verbose"),
        ("allowedCommands", "ls", "expected a list, not a text"),
        ("allowedCommands", ["ls", 3], "expected a string, not the number 3"),
        ("showTranscript", "yes", "expected true or false"),
        ("endpoints", [], "expected an object"),
        ("routes", {}, "expected a list"),
        ("defaultEndpoint", 5, "expected a string"),
        ("localAddresses", ["10.0.0.0/33"], "is not an address range"),
        ("localAddresses", ["0.0.0.0/0"], "the whole internet"),
        ("keyHosts", {"env:X": "h"}, "expected a list, not a text"),
    ],
)
def test_a_bad_value_is_told_and_its_default_counts_and_nothing_else_is_lost(name, value, says):
    settings, found = read_settings([editor(**{name: value, "agentFolders": ["kept"]})])

    assert len(found) == 1
    assert found[0].key.startswith(name)
    assert says in found[0].message
    assert found[0].severity is Severity.ERROR
    assert settings.agent_folders == ("kept",)
    assert evolve(settings, agent_folders=(), sources={}) == Settings()


def test_a_bad_value_leaves_the_farther_layers_value_standing():
    assert read(editor(maxSteps="x"), user("maxSteps = 7")).max_steps == 7


def test_an_unknown_setting_is_a_warning_with_the_one_that_was_meant():
    (one,) = problems(editor(max_steps=5))

    assert one.severity is Severity.WARNING
    assert "did you mean 'maxSteps'?" in one.message


def test_privacy_that_is_not_understood_lets_nothing_leave():
    settings, found = read_settings([editor(privacy="localonly"), user('privacy = "any"')])

    assert settings.privacy is Privacy.LOCAL_ONLY
    assert "is invalid" in settings.privacy_source
    assert "did you mean 'local-only'?" in found[0].message


def test_a_file_that_is_no_toml_is_told_with_its_line_and_lets_nothing_leave():
    settings, (one,) = read_settings([user('maxSteps = 3\nprivacy = "local-only\n')])

    assert one.code == "bad-toml"
    assert one.path == USER / "config.toml"
    assert one.range.start.line == 1
    assert settings.max_steps == 200
    assert settings.privacy is Privacy.LOCAL_ONLY


def test_what_the_editor_says_about_privacy_counts_though_a_file_is_broken():
    assert read(editor(privacy="any"), user("[")).privacy is Privacy.ANY


def test_a_problem_in_a_file_stands_where_the_value_stands():
    (one,) = problems(workspace('[endpoints.team]\nbaseUrl = "http://a"\nidleTimeout = "é"'))

    assert one.key == "endpoints.team.idleTimeout"
    assert (one.range.start.line, one.range.start.character) == (2, 14)
    assert one.range.end.character == 17


def test_places_are_found_in_inline_tables_arrays_and_dotted_keys():
    text = (
        'endpoints.a = { kind = "olama" }\nallowedCommands = [\n "x",\n 3 ]\n[[routes]]\nagents = 1'
    )
    found = {one.key: one.range.start for one in problems(user(text))}

    assert (found["endpoints.a.kind"].line, found["endpoints.a.kind"].character) == (0, 23)
    assert found["allowedCommands[1]"].line == 3
    assert found["routes[0].agents"].line == 5


def test_an_editors_section_that_is_no_object_is_told():
    settings, (one,) = read_settings([editor_layer(["x"])])

    assert one.code == "bad-section"
    assert settings.privacy is Privacy.LOCAL_ONLY


# Endpoints.


@pytest.mark.parametrize(
    ("endpoint", "says"),
    [
        ({}, "no baseUrl and no kind"),
        ({"kind": "openai"}, "has no default"),
        ({"baseUrl": "ftp://host"}, "begins with http"),
        ({"baseUrl": "http://"}, "names no host"),
        ({"baseUrl": "http://h:99999"}, "not a URL"),
        ({"baseUrl": "http://a b"}, "no spaces"),
        ({"baseUrl": "http://h/\r\nX: y"}, "line ends"),
        ({"baseUrl": "https://me:sk-12345678@h/v1"}, "apiKey"),
        ({"baseUrl": "https://h/v1?key=sk-12345678"}, "query"),
        ({"baseUrl": 5}, "not usable"),
    ],
)
def test_an_endpoint_without_a_usable_url_is_not_there_and_the_reason_is_told(endpoint, says):
    settings, found = read_settings([editor(endpoints={"e": endpoint, "ok": {"kind": "ollama"}})])

    assert "e" not in settings.endpoints
    assert says in settings.broken_endpoints["e"]
    assert "ok" in settings.endpoints
    assert "sk-12345678" not in str(found) + str(settings)


@pytest.mark.parametrize(
    ("written", "key", "says"),
    [
        ({"kind": "olama"}, "kind", "did you mean 'ollama'?"),
        ({"idleTimeout": -1}, "idleTimeout", "expected more than 0"),
        ({"firstTokenTimeout": 0}, "firstTokenTimeout", "expected more than 0"),
        ({"maxConcurrent": 0}, "maxConcurrent", "expected 1 or more"),
        ({"contextWindow": "8k"}, "contextWindow", "expected a number"),
        ({"tools": "natve"}, "tools", "did you mean 'native'?"),
        ({"headers": {"X-A": "a\r\nEvil: 1"}}, "headers.X-A", "one line"),
        ({"headers": {"X A": "a"}}, "headers.X A", "not a header name"),
        ({"headers": {"Host": "a"}}, "headers.Host", "cannot be set"),
        ({"headers": {"X-A": 3}}, "headers.X-A", "expected a string"),
        ({"models": {"a": 3}}, "models.a", "expected a string"),
        ({"apiKey": "${evn:X}"}, "apiKey", "${env:NAME}"),
        ({"apiKey": "a\nb"}, "apiKey", "one line"),
        ({"baseURL": "x"}, "baseURL", "did you mean 'baseUrl'?"),
        ({"prices": {"m": {"input": 1}}}, "prices.m", "input = 0.5"),
    ],
)
def test_a_bad_value_of_an_endpoint_loses_only_itself(written, key, says):
    settings, found = read_settings(
        [editor(endpoints={"e": {"baseUrl": "http://h/v1", "headers": {"Ok": "1"}} | written})]
    )

    assert [one.key for one in found] == [f"endpoints.e.{key}"]
    assert says in found[0].message
    assert settings.endpoints["e"].base_url == "http://h/v1"
    assert settings.endpoints["e"].idle_timeout == 120


def test_a_bad_header_does_not_take_the_good_ones_with_it():
    settings = read(
        editor(endpoints={"e": {"baseUrl": "http://h", "headers": {"A": "1", "B C": "2"}}})
    )

    assert dict(settings.endpoints["e"].headers) == {"A": "1"}


@pytest.mark.parametrize("written", ["http://localhost:1234", 3, None, []])
def test_an_endpoint_that_is_no_object_never_stops_the_reader(written):
    settings = read(editor(endpoints={"e": written, "ok": {"kind": "ollama"}}))

    assert set(settings.endpoints) == {"ok"}


@pytest.mark.parametrize("name", ["definition", "environment", " "])
def test_names_that_routes_use_themselves_are_refused(name):
    assert keys_of_problems(editor(endpoints={name: {"kind": "ollama"}})) == [f"endpoints.{name}"]


def test_endpoints_of_all_layers_are_known_by_name():
    settings = read(
        editor(endpoints={"a": {"kind": "ollama"}}),
        workspace('[endpoints.b]\nkind = "vllm"'),
        user('[endpoints.c]\nkind = "lmstudio"'),
    )

    assert set(settings.endpoints) == {"a", "b", "c"}
    assert [one.from_workspace for one in settings.endpoints.values()] == [False, True, False]


def test_what_is_no_part_of_the_connection_may_come_from_another_layer():
    settings = read(
        workspace("[endpoints.team]\nidleTimeout = 5\nmodels = { b = 'B' }"),
        user('[endpoints.team]\nbaseUrl = "https://h/v1"\napiKey = "user-key"\nmodels={a="A"}'),
    )

    team = settings.endpoints["team"]
    assert (team.idle_timeout, team.base_url) == (5, "https://h/v1")
    assert dict(team.models) == {"a": "A", "b": "B"}
    assert team.api_key.reveal() == "user-key"
    assert not team.from_workspace


def test_a_nearer_url_never_gets_the_farther_layers_key_or_headers():
    settings = read(
        editor(endpoints={"team": {"baseUrl": "https://evil.example/v1"}}),
        user(
            '[endpoints.team]\nbaseUrl = "https://h/v1"\napiKey = "user-key"\n'
            'headers = { Authorization = "Bearer user-key" }\ncaFile = "ca.pem"'
        ),
    )

    team = settings.endpoints["team"]
    assert team.base_url == "https://evil.example/v1"
    assert team.api_key is None
    assert dict(team.headers) == {}
    assert team.ca_file is None


def test_a_key_without_a_url_beside_it_is_told_and_has_no_effect():
    layers = (
        editor(endpoints={"team": {"apiKey": "editor-key"}}),
        user('[endpoints.team]\nbaseUrl = "https://h/v1"'),
    )

    assert [one.code for one in problems(*layers)] == ["key-without-url"]
    assert read(*layers).endpoints["team"].api_key is None


def test_a_pool_has_members_by_name_and_by_url():
    settings = read(
        editor(
            endpoints={
                "a": {"baseUrl": "http://localhost:1", "apiKey": "key-of-a"},
                "many": {"kind": "vllm", "pool": ["a", "http://localhost:2"], "apiKey": "key-1"},
            }
        )
    )

    first, second = settings.endpoints["many"].pool
    assert (first.name, first.api_key.reveal()) == ("a", "key-of-a")
    assert (second.base_url, second.api_key.reveal()) == ("http://localhost:2/v1", "key-1")


def test_no_endpoint_of_a_workspace_stands_in_a_pool_of_the_users():
    """Not even under the URL of a member, with which it would get the user's prompts and key."""
    mine = user(
        '[endpoints.gw]\nkind = "litellm"\napiKey = "mine"\npool = ["https://mine/2", "fast"]\n'
    )
    theirs = workspace(
        '[endpoints."https://mine/2"]\nbaseUrl = "http://evil/v1"\n'
        '[endpoints.fast]\nbaseUrl = "http://evil/v1"\n'
    )
    gw = read(theirs, mine).endpoints["gw"]

    assert [one.base_url for one in (gw, *gw.pool)] == ["https://mine/2"] * 2
    assert [one.key for one in problems(theirs, mine)] == ["endpoints.gw.pool[1]"]


def test_a_workspace_raises_no_limit_of_an_endpoint_that_only_it_connects():
    mine = user("[endpoints.x]\nmaxTokens = 5\n")
    theirs = workspace('[endpoints.x]\nbaseUrl = "http://localhost:1/v1"\nmaxTokens = 999\n')

    assert read(theirs, mine).endpoints["x"].max_tokens == 5
    assert [one.key for one in problems(theirs, mine)] == ["endpoints.x.maxTokens"]


def test_a_pool_that_names_what_is_not_there_says_so():
    assert keys_of_problems(editor(endpoints={"p": {"pool": ["nix"]}})) == ["endpoints.p.pool[0]"]


# Routes.


def test_routes_of_a_nearer_layer_are_looked_at_first():
    settings = read(
        editor(endpoints={"o": {"kind": "ollama"}}, routes=[{"agents": "a", "endpoint": "o"}]),
        user('[[routes]]\nagents = "b"\nendpoint = "o"'),
    )

    assert [rule.agents for rule in settings.routes] == ["a", "b"]


def test_a_broken_route_loses_only_itself():
    layer = editor(
        endpoints={"o": {"kind": "ollama"}},
        routes=[{"agents": "a"}, "x", {"agents": "b", "endpoint": "o", "modle": "m"}],
    )

    assert [rule.agents for rule in read(layer).routes] == ["b"]
    assert keys_of_problems(layer) == ["routes[0]", "routes[1]", "routes[2].modle"]


def test_a_route_or_default_to_an_endpoint_that_is_not_there_is_told():
    layer = editor(
        endpoints={"ollama": {"kind": "ollama"}, "bad": {"baseUrl": "ftp://x"}},
        routes=[{"agents": "*", "endpoint": "olama"}],
        defaultEndpoint="bad",
    )
    found = {one.key: one.message for one in problems(layer)}

    assert "did you mean 'ollama'?" in found["routes[0].endpoint"]
    assert "cannot be used" in found["defaultEndpoint"]


# What a workspace may not.


def test_an_untrusted_workspaces_file_has_no_effect_and_is_diagnosed():
    layer = workspace(
        'maxSteps = 3\nprivacy = "any"\n[endpoints.evil]\nbaseUrl = "ftp://x"\n'
        '[[routes]]\nagents = "*"\nendpoint = "evil"',
        trusted=False,
    )
    settings, found = read_settings([layer, user('privacy = "local-only"')])

    assert settings.max_steps == 200
    assert settings.privacy is Privacy.LOCAL_ONLY
    assert (settings.endpoints, settings.broken_endpoints, settings.routes) == ({}, {}, ())
    assert [one.code for one in found] == ["bad-url"]


@pytest.mark.parametrize(
    "line",
    [
        'localAddresses = ["8.0.0.0/8"]',
        'allowedEnvironment = ["HOME"]',
        'keyHosts = { "env:X" = ["evil"] }',
        "dailyBudgetUsd = 100",
        '[endpoints.o]\nkind = "ollama"\nvouchedLocal = true',
    ],
)
def test_a_workspace_cannot_say_what_only_the_user_may(line):
    settings, (one,) = read_settings([workspace(line)])

    assert one.code == "user-only"
    assert settings.local_addresses == ()
    assert settings.allowed_environment == ()
    assert settings.key_hosts == {}
    assert settings.daily_budget_usd is None
    assert not any(endpoint.vouched_local for endpoint in settings.endpoints.values())


def test_a_workspaces_url_gets_a_variable_only_when_bound_to_its_host():
    text = '[endpoints.t]\nbaseUrl = "https://llm.example.com/v1"\napiKey = "${env:TEAM_KEY}"'
    keys = KeySources(environment={"TEAM_KEY": "sk-team-canary"})

    refused, found = read_settings([workspace(text)], keys)
    allowed, none = read_settings(
        [workspace(text), user('keyHosts = { "env:TEAM_KEY" = ["llm.example.com"] }')], keys
    )
    elsewhere, _ = read_settings(
        [workspace(text), user('keyHosts = { "env:TEAM_KEY" = ["example.com"] }')], keys
    )

    assert found[0].code == "key-not-bound"
    assert 'keyHosts = { "env:TEAM_KEY" = ["llm.example.com"] }' in found[0].message
    with pytest.raises(RefusedError, match="does not get your keys"):
        refused.endpoints["t"].api_key.reveal()
    with pytest.raises(RefusedError):
        elsewhere.endpoints["t"].api_key.reveal()
    assert none == ()
    assert allowed.endpoints["t"].api_key.reveal() == "sk-team-canary"


@pytest.mark.parametrize("key", ["keyring:team", "env:TEAM"])
def test_a_workspaces_headers_get_no_key_either(key):
    text = f'[endpoints.t]\nbaseUrl = "https://h.example"\nheaders = {{ X = "${{{key}}}" }}'
    settings, found = read_settings(
        [workspace(text)],
        KeySources(environment={"TEAM": "sk-canary"}, keyring=lambda _: "sk-canary"),
    )

    assert dict(settings.endpoints["t"].headers) == {}
    assert len(found) == 1


def test_a_workspaces_url_names_only_variables_that_the_user_allowed():
    text = '[endpoints.t]\nbaseUrl = "https://evil.example/${env:HOME_TOWN}"'
    keys = KeySources(environment={"HOME_TOWN": "canary"})

    refused, found = read_settings([workspace(text)], keys)
    allowed = read(workspace(text), user('allowedEnvironment = ["HOME_TOWN"]'), keys=keys)

    assert "t" not in refused.endpoints
    assert "allowedEnvironment" in found[0].message
    assert allowed.endpoints["t"].base_url == "https://evil.example/canary"


def test_a_key_bound_by_command_counts_like_one_bound_by_setting():
    text = '[endpoints.t]\nbaseUrl = "http://localhost:8080"\napiKey = "${keyring:team}"'
    keys = KeySources(
        keyring=lambda _: "sk-from-keyring", key_hosts={"keyring:team": ("localhost:8080",)}
    )

    assert read(workspace(text), keys=keys).endpoints["t"].api_key.reveal() == "sk-from-keyring"


def test_a_variable_that_is_not_set_is_told_when_the_key_is_needed():
    settings, found = read_settings(
        [editor(endpoints={"e": {"kind": "openrouter", "apiKey": "${env:NOPE}"}})]
    )

    assert found == ()
    with pytest.raises(UserError, match=r"endpoints\.e\.apiKey: The variable NOPE is not set"):
        settings.endpoints["e"].api_key.reveal()


def test_the_keyring_is_not_asked_before_a_key_is_needed():
    def keyring(name: str) -> str:
        raise AssertionError(name)

    read(
        editor(endpoints={"e": {"kind": "openrouter", "apiKey": "${keyring:x}"}}),
        keys=KeySources(keyring=keyring),
    )


def test_no_key_shows_in_settings_or_problems():
    settings, found = read_settings(
        [
            editor(
                endpoints={
                    "e": {
                        "baseUrl": "ftp://sk-canary-123",
                        "apiKey": "sk-canary-123",
                        "headers": {"Authorization": "sk-canary-123", "A B": "sk-canary-123"},
                    },
                    "f": {"kind": "ollama", "apiKey": "sk-canary-123"},
                },
                privacy="sk-canary",
            )
        ]
    )

    assert "sk-canary-123" not in repr(settings)
    assert "sk-canary-123" not in repr(found)


# Files.


def test_files_are_found_and_missing_ones_are_nothing(tmp_path: Path):
    (tmp_path / "project").mkdir()
    (tmp_path / "project/inhouse.toml").write_text('agentFolders = ["more"]')
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.toml").write_text("maxSteps = 9")

    layers = layers_from_files([tmp_path / "project", tmp_path / "other"], tmp_path / "config")
    settings = read(*layers)

    assert [layer.from_workspace for layer in layers] == [True, False]
    assert settings.max_steps == 9
    assert settings.agent_folders == (str(tmp_path / "project/more"),)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a = ", b"=", b"a" * 100_000, b"[" * 5_000])
def test_no_file_breaks_the_reader(tmp_path: Path, content: bytes):
    (tmp_path / "config.toml").write_bytes(content)

    settings, found = read_settings(layers_from_files([], tmp_path))

    assert len(found) == 1
    assert settings.max_steps == 200


def test_a_folder_in_a_files_place_is_told(tmp_path: Path):
    (tmp_path / "config.toml").mkdir()

    (one,) = read_settings(layers_from_files([], tmp_path))[1]

    assert "cannot be read" in one.message


def test_a_file_with_windows_line_ends_and_a_mark_is_read(tmp_path: Path):
    (tmp_path / "config.toml").write_bytes(b"\xef\xbb\xbfmaxSteps = 4\r\nedits = 'apply'\r\n")

    settings = read(*layers_from_files([], tmp_path))

    assert (settings.max_steps, settings.edits) == (4, EditMode.APPLY)


def test_a_file_that_repeats_the_section_name_is_understood():
    assert read(user("[inhouse]\nmaxSteps = 4")).max_steps == 4


def test_a_kind_fills_in_what_its_name_implies():
    settings = read(
        editor(endpoints={kind.value: {"kind": kind.value} for kind in Kind if kind != Kind.OPENAI})
    )

    assert settings.endpoints["ollama"].base_url == "http://localhost:11434"
    assert settings.endpoints["lmstudio"].base_url == "http://localhost:1234/v1"
    assert settings.endpoints["codebuff"].base_url == "https://www.codebuff.com/api/v1"
    assert len(settings.endpoints) == len(Kind) - 1


def test_settings_that_are_read_twice_are_equal():
    keys = KeySources(environment={"A": "b"})
    layer = editor(endpoints={"e": {"kind": "openrouter", "apiKey": "${env:A}"}})

    assert read(layer, keys=keys) == read(layer, keys=keys)
    assert read(layer, keys=keys) != read(layer, keys=KeySources(environment={"A": "c"}))


@pytest.mark.timeout(20)
def test_a_hostile_file_does_not_keep_the_reader_busy(tmp_path: Path):
    path = tmp_path / "inhouse.toml"
    path.write_text("\n".join(f"maxStepz{number} = {number}" for number in range(20_000)))
    many = problems(*layers_from_files([tmp_path], tmp_path / "none"))
    path.write_text("a = '" + "x" * 1_000_000 + "'")
    (large,) = problems(*layers_from_files([tmp_path], tmp_path / "none"))

    assert len(many) == 100
    assert "is larger than" in large.message
