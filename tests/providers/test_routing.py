"""Who serves a run: each rule of the contract, in its order, with its reasons."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.core.definition import AgentDefinition, LocalProvider
from inhouse.core.endpoint_kinds import Kind
from inhouse.core.errors import RefusedError, UserError
from inhouse.core.placeholders import KeySources
from inhouse.core.route import DecidedBy, Privacy
from inhouse.core.secret import Secret
from inhouse.core.settings import Settings
from inhouse.providers.routing.choose import Choice, choose
from inhouse.settings import Layer, editor_layer, read_settings, text_layer

RULES = [
    "request",
    "definition",
    "routes",
    "environment",
    "defaultEndpoint",
    "remote keys",
    "embedded",
]
OLLAMA = {"kind": "ollama"}
TEAM = {"baseUrl": "https://llm.example.com/v1", "apiKey": "team-key-1"}


def agent(**values: Any) -> AgentDefinition:
    return AgentDefinition(
        **({"id": "file-picker", "display_name": "F", "model": "anthropic/claude-x"} | values)
    )


def local(url: str, key: str | None = None, **values: Any) -> AgentDefinition:
    return agent(local_provider=LocalProvider(url, Secret(key) if key else None), **values)


def wanted(**values: Any) -> Settings:
    settings, found = read_settings([editor_layer(values)])
    assert found == ()
    return settings


def decide(
    definition: AgentDefinition | None = None,
    settings: Settings | None = None,
    environment: dict[str, str] | None = None,
    **more: Any,
) -> Choice:
    return choose(
        definition or agent(),
        settings=settings or Settings(),
        environment=environment or {},
        **more,
    )


def everything() -> dict[str, Any]:
    """Every rule applies."""
    return {
        "definition": local("http://localhost:1/v1"),
        "settings": wanted(
            endpoints={"ollama": OLLAMA, "team": TEAM},
            routes=[{"agents": "file-*", "endpoint": "ollama"}],
            defaultEndpoint="team",
            embedded=True,
        ),
        "environment": {
            "CODEBUFF_LOCAL_BASE_URL": "http://localhost:2/v1",
            "OPENROUTER_API_KEY": "sk-or-abc",
        },
        "embedded_installed": True,
        "request_endpoint": "team",
    }


def without(*names: str) -> dict[str, Any]:
    """Every rule but these."""
    values = everything()
    settings: dict[str, Any] = {
        "endpoints": {"ollama": OLLAMA, "team": TEAM},
        "routes": [{"agents": "file-*", "endpoint": "ollama"}],
        "defaultEndpoint": "team",
        "embedded": True,
    }
    for name in names:
        match name:
            case "request":
                values["request_endpoint"] = None
            case "definition":
                values["definition"] = agent()
            case "routes":
                del settings["routes"]
            case "environment":
                del values["environment"]["CODEBUFF_LOCAL_BASE_URL"]
            case "defaultEndpoint":
                del settings["defaultEndpoint"]
            case "remote keys":
                del values["environment"]["OPENROUTER_API_KEY"]
            case _:
                settings["embedded"] = False
    return values | {"settings": wanted(**settings)}


@pytest.mark.parametrize(
    ("position", "decided_by", "endpoint"),
    [
        (0, DecidedBy.REQUEST, "team"),
        (1, DecidedBy.DEFINITION, "definition"),
        (2, DecidedBy.ROUTE, "ollama"),
        (3, DecidedBy.ENVIRONMENT, "environment"),
        (4, DecidedBy.DEFAULT, "team"),
        (5, DecidedBy.ENVIRONMENT, "environment"),
        (6, DecidedBy.EMBEDDED, "embedded"),
    ],
)
def test_the_first_rule_that_applies_wins_and_every_rule_before_it_is_told(
    position: int, decided_by: DecidedBy, endpoint: str
):
    route = decide(**without(*RULES[:position])).route

    assert (route.decided_by, route.endpoint) == (decided_by, endpoint)
    assert [step.rule for step in route.steps] == RULES[: position + 1]
    assert route.steps[-1].outcome.startswith("chosen: ")
    assert all(step.outcome for step in route.steps)


def test_with_no_rule_the_three_shortest_ways_are_named():
    with pytest.raises(UserError) as caught:
        decide(**without(*RULES))

    assert caught.value.code == "no-endpoint"
    for way in ("inhouse endpoint add", "CODEBUFF_LOCAL_BASE_URL", "embedded = true"):
        assert way in str(caught.value)


# 1. The request.


def test_a_request_names_endpoint_and_model():
    choice = decide(
        settings=wanted(endpoints={"ollama": OLLAMA}),
        request_endpoint="ollama",
        request_model="qwen3:4b",
    )

    assert (choice.route.endpoint, choice.model) == ("ollama", "qwen3:4b")
    assert choice.route.source == "the request"


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        (None, "small"),  # what the agent names is served by what serves everything
        ("default", "small"),
        ("other", "other"),  # a wish is not replaced in silence
        ("maker/one", "one"),
        ("theirs/any", "ours"),
    ],
)
def test_a_model_that_a_request_names_is_not_replaced_by_the_one_that_serves_everything(
    asked: str | None, served: str
):
    models = {"maker/one": "one", "theirs/*": "ours", "*": "small"}
    choice = decide(
        settings=wanted(endpoints={"o": OLLAMA | {"models": models}}),
        request_endpoint="o",
        request_model=asked,
    )
    assert choice.model == served


def test_a_request_for_an_endpoint_that_is_not_there_names_those_that_are():
    with pytest.raises(
        UserError,
        match=r"No endpoint 'olama'\.  Did you mean 'ollama'\?  Endpoints: embedded, ollama, team",
    ):
        decide(**everything() | {"request_endpoint": "olama"})


def test_a_request_with_a_model_alone_leaves_the_endpoint_to_the_next_rules():
    choice = decide(**without("request") | {"request_model": "mine"})

    assert (choice.route.decided_by, choice.model) == (DecidedBy.DEFINITION, "mine")
    assert "'mine'" in choice.route.steps[0].outcome


def test_a_request_may_ask_for_what_the_definition_or_the_environment_names():
    values = everything()

    assert decide(**values | {"request_endpoint": "definition"}).route.base_url.endswith(":1/v1")
    assert decide(**values | {"request_endpoint": "environment"}).route.base_url.endswith(":2/v1")
    assert decide(**values | {"request_endpoint": "embedded"}).route.endpoint == "embedded"


def test_a_request_for_an_endpoint_whose_settings_are_broken_says_what_is_wrong():
    settings, _ = read_settings([editor_layer({"endpoints": {"t": {"baseUrl": "ftp://x"}}})])

    with pytest.raises(UserError, match=r"Endpoint 't' cannot be used.*begins with http"):
        decide(settings=settings, request_endpoint="t")


# 2. The definition.


@pytest.mark.parametrize(
    ("written", "url", "kind"),
    [
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1", Kind.OPENAI),
        ("http://127.0.0.1:8080/v1/", "http://127.0.0.1:8080/v1", Kind.OPENAI),
        ("localhost:8080", "http://localhost:8080/v1", Kind.OPENAI),
        ("http://localhost:11434/v1", "http://localhost:11434/v1", Kind.OPENAI),
        ("http://localhost:11434", "http://localhost:11434", Kind.OLLAMA),
        ("https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1", Kind.OPENROUTER),
        ("unix:/run/llama.sock", "unix:/run/llama.sock", Kind.OPENAI),
    ],
)
def test_a_definitions_url_is_used_as_it_is_meant(written: str, url: str, kind: Kind):
    choice = decide(local(written), definition_source="picker.ts")

    assert (choice.endpoint.base_url, choice.endpoint.kind) == (url, kind)
    assert choice.route.source == "picker.ts: localProvider"
    assert choice.model == "anthropic/claude-x"


def test_a_definition_without_a_key_gets_none_of_the_environments():
    choice = decide(
        local("https://evil.example/v1"),
        environment={"CODEBUFF_PROVIDER_API_KEY": "sk-1", "OPENAI_API_KEY": "sk-2"},
    )

    assert choice.endpoint.api_key is None


def test_a_definitions_own_key_goes_to_its_own_url():
    assert decide(local("http://h/v1", "own-key")).endpoint.api_key.reveal() == "own-key"


def test_a_workspaces_definition_gets_no_variable_unless_bound_to_its_host():
    definition = local("https://h.example/v1", "${env:OPENAI_API_KEY}")
    environment = {"OPENAI_API_KEY": "sk-canary-77"}
    bound = wanted(keyHosts={"env:OPENAI_API_KEY": ["h.example"]})

    with pytest.raises(RefusedError, match="does not get your keys"):
        decide(definition, environment=environment).endpoint.api_key.reveal()
    assert decide(definition, bound, environment).endpoint.api_key.reveal() == "sk-canary-77"


@pytest.mark.parametrize("url", ["", "ftp://x", "http://", "http://u:p@h/v1", "http://h/?a=b"])
def test_a_definitions_bad_url_says_where_it_stands(url: str):
    with pytest.raises(UserError, match=r"picker\.ts: localProvider: "):
        decide(local(url), definition_source="picker.ts")


# 3. Routes.


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("file-picker", True),
        ("file-*", True),
        ("*", True),
        ("file_*", True),
        ("file-p?cker", True),
        ("[ef]ile-*", True),
        ("acme/file-*", True),
        ("*/file-picker", True),
        ("file", False),
        ("File-*", False),
        ("other/file-*", False),
        ("*picker-", False),
        ("", False),
    ],
)
def test_a_routes_pattern_is_a_glob_over_ids(pattern: str, fits: bool):
    settings, _ = read_settings(
        [
            editor_layer(
                {
                    "endpoints": {"o": OLLAMA, "other": TEAM},
                    "routes": [{"agents": pattern, "endpoint": "o"}],
                    "defaultEndpoint": "other",
                }
            )
        ]
    )

    route = decide(agent(publisher="acme"), settings).route

    assert route.endpoint == ("o" if fits else "other")


def test_the_first_route_that_matches_counts_with_its_model():
    settings = wanted(
        endpoints={"a": OLLAMA, "b": TEAM},
        routes=[
            {"agents": "none", "endpoint": "b"},
            {"agents": "file-*", "endpoint": "a", "model": "qwen3:4b"},
            {"agents": "*", "endpoint": "b"},
        ],
    )

    choice = decide(settings=settings)

    assert (choice.route.endpoint, choice.model) == ("a", "qwen3:4b")
    assert choice.route.source == "the editor's settings: routes[1]"


def test_a_route_to_an_endpoint_that_is_not_there_never_slides_to_the_next_rule():
    settings, _ = read_settings([editor_layer({"routes": [{"agents": "*", "endpoint": "gone"}]})])

    with pytest.raises(UserError, match=r"routes\[0\]: No endpoint 'gone'"):
        decide(settings=settings, environment={"OPENROUTER_API_KEY": "sk-or-abc"})


def test_a_default_to_an_endpoint_that_is_not_there_never_slides_to_a_remote():
    settings, _ = read_settings([editor_layer({"defaultEndpoint": "gone"})])

    with pytest.raises(UserError, match="defaultEndpoint: No endpoint 'gone'"):
        decide(settings=settings, environment={"OPENROUTER_API_KEY": "sk-or-abc"})


# 4. The environment.


@pytest.mark.parametrize("name", ["CODEBUFF_LOCAL_BASE_URL", "CODEBUFF_BASE_URL"])
def test_the_environment_brings_url_key_and_model(name: str):
    choice = decide(
        environment={
            name: "http://localhost:8000",
            "CODEBUFF_PROVIDER_API_KEY": "env-key",
            "CODEBUFF_PROVIDER_MODEL": "qwen",
        }
    )

    assert choice.endpoint.base_url == "http://localhost:8000/v1"
    assert choice.endpoint.api_key.reveal() == "env-key"
    assert (choice.model, choice.route.source) == ("qwen", name)


def test_the_local_variable_wins_over_the_general_one():
    environment = {"CODEBUFF_BASE_URL": "http://b:1", "CODEBUFF_LOCAL_BASE_URL": "http://a:1"}

    assert decide(environment=environment).route.base_url == "http://a:1"


def test_an_empty_variable_is_not_set():
    environment = {"CODEBUFF_LOCAL_BASE_URL": " ", "OPENROUTER_API_KEY": ""}

    with pytest.raises(UserError, match="No model serves"):
        decide(environment=environment)


def test_a_bad_url_in_the_environment_names_the_variable():
    with pytest.raises(UserError, match="the variable CODEBUFF_LOCAL_BASE_URL: "):
        decide(environment={"CODEBUFF_LOCAL_BASE_URL": "ftp://x"})


# 6. A remote whose key is set.


@pytest.mark.parametrize(
    ("names", "url"),
    [
        (
            ["OPENROUTER_API_KEY", "CODEBUFF_API_KEY", "OPENAI_API_KEY"],
            "https://openrouter.ai/api/v1",
        ),
        (["CODEBUFF_API_KEY", "OPENAI_API_KEY"], "https://www.codebuff.com/api/v1"),
        (["OPENAI_API_KEY"], "https://api.openai.com/v1"),
    ],
)
def test_the_first_remote_with_a_key_serves(names: list[str], url: str):
    choice = decide(environment={name: f"key-of-{name}" for name in names})

    assert choice.route.base_url == url
    assert choice.endpoint.api_key.reveal() == f"key-of-{names[0]}"
    assert choice.route.decided_by is DecidedBy.ENVIRONMENT
    assert not choice.route.local


def test_openais_key_goes_where_its_own_variable_says():
    environment = {"OPENAI_API_KEY": "sk-1", "OPENAI_BASE_URL": "https://proxy.example/v1"}

    assert decide(environment=environment).route.base_url == "https://proxy.example/v1"


# 7. The embedded model.


@pytest.mark.parametrize(
    ("setting", "model", "installed", "serves"),
    [
        (True, "anthropic/claude-x", True, True),
        (None, "anthropic/claude-x", True, False),
        (None, "local", True, True),
        (False, "local", True, False),
        (True, "local", False, False),
    ],
)
def test_the_embedded_model_serves_where_installed_and_allowed(setting, model, installed, serves):
    def ask() -> Choice:
        return decide(agent(model=model), wanted(embedded=setting), embedded_installed=installed)

    if serves:
        assert ask().route.decided_by is DecidedBy.EMBEDDED
        assert ask().route.local
    else:
        with pytest.raises(UserError, match="No model serves"):
            ask()


def test_asking_for_the_embedded_model_without_it_says_how_to_install_it():
    with pytest.raises(UserError, match=r"inhouse model install"):
        decide(request_endpoint="embedded")


# Models by the names an endpoint knows.


@pytest.mark.parametrize(
    ("models", "model"),
    [
        ({"anthropic/claude-x": "qwen3:8b", "*": "other"}, "qwen3:8b"),
        ({"*": "other"}, "other"),
        ({"anthropic/*": "big", "*": "other"}, "big"),
        ({"openai/*": "big"}, "anthropic/claude-x"),
        ({}, "anthropic/claude-x"),
    ],
)
def test_an_endpoint_maps_the_definitions_model(models: dict[str, str], model: str):
    settings = wanted(endpoints={"o": OLLAMA | {"models": models}}, defaultEndpoint="o")

    assert decide(settings=settings).model == model


# Privacy and trust.


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://localhost:1", True),
        ("http://LOCALHOST.:1", True),
        ("http://sub.localhost:1", True),
        ("http://127.0.0.1:1", True),
        ("http://127.9.9.9:1", True),
        ("http://[::1]:1", True),
        ("http://[::ffff:127.0.0.1]:1", True),
        ("unix:/run/x.sock", True),
        ("http://localhost.evil:1", False),
        ("http://127.0.0.1.evil.com:1", False),
        ("http://127.0.0.1.nip.io", False),
        ("http://0.0.0.0:1", False),
        ("http://[::]:1", False),
        ("http://2130706433:1", True),
        ("http://0x7f.1:1", True),
        ("http://0177.0.0.1:1", True),
        ("http://127.1:1", True),
        ("http://134744072:1", False),
        ("http://0x8.0x8.0x8.0x8:1", False),
        ("http://[::ffff:8.8.8.8]:1", False),
        ("http://192.168.1.2:1", False),
        ("http://10.0.0.1:1", False),
        ("http://gpu-box:1", False),
        ("https://llm.example.com/v1", False),
        ("http://169.254.169.254", False),
    ],
)
def test_local_only_refuses_what_is_not_loopback_by_its_text(url: str, allowed: bool):
    choice = decide(local(url), wanted(privacy="local-only"))

    assert (choice.endpoint is not None) is allowed
    assert (choice.route.refused is None) is allowed
    assert choice.route.local is allowed
    if choice.route.refused is not None:
        assert "local-only" in choice.route.refused.reason
        assert "the editor's settings: privacy" in choice.route.refused.reason
        assert choice.route.refused.remedy


@pytest.mark.parametrize(
    ("url", "step"),
    [
        ("http://0.0.0.0:1", "Write 127.0.0.1 instead"),
        ("http://0:1", "Write 127.0.0.1 instead"),
        ("http://[::]:1", "Write 127.0.0.1 instead"),
        ("http://192.168.1.2:1", 'localAddresses = ["192.168.1.2"]'),
        ("http://0xc0a80102:1", 'localAddresses = ["192.168.1.2"]'),
        ("http://[fe80::1%25lo]:1", 'localAddresses = ["fe80::1"]'),
    ],
)
def test_the_one_step_that_would_allow_an_address_does_allow_it(url: str, step: str):
    refused = decide(local(url), wanted(privacy="local-only")).route.refused
    assert refused is not None
    assert step in refused.remedy

    if "localAddresses" in step:
        declared = [step.partition('"')[2].partition('"')[0]]
        settings = wanted(privacy="local-only", localAddresses=declared)
        assert decide(local(url), settings).route.local


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("http://loc\u0430lhost:1/v1", "http://xn--loclhost-36g:1/v1"),
        ("http://\uff11\uff12\uff17.0.0.1:1/v1", "http://127.0.0.1:1/v1"),
        ("https://b\u00fccher.example/v1", "https://xn--bcher-kva.example/v1"),
    ],
)
def test_a_host_is_shown_as_it_is_looked_up(written: str, shown: str):
    assert decide(local(written), wanted()).route.base_url == shown


def test_a_refused_route_never_slides_to_the_next_rule():
    choice = decide(
        local("https://remote.example/v1"),
        wanted(privacy="local-only", endpoints={"o": OLLAMA}, defaultEndpoint="o"),
    )

    assert choice.route.decided_by is DecidedBy.DEFINITION
    assert choice.endpoint is None


def test_addresses_that_the_user_declared_count_as_local():
    settings = wanted(privacy="local-only", localAddresses=["192.168.1.0/24", "fd00::/8"])

    assert decide(local("http://192.168.1.9:1/v1"), settings).route.local
    assert decide(local("http://[fd00::1]:1/v1"), settings).route.local
    assert decide(local("http://192.168.2.9:1/v1"), settings).route.refused is not None
    assert decide(local("http://gpu-box:1/v1"), settings).route.refused is None
    assert decide(local("http://3232235785:1/v1"), settings).route.local
    assert decide(local("http://134744072:1/v1"), settings).route.refused is not None


@pytest.mark.parametrize("model", ["gpt-oss:120b-cloud", "glm-4.6:cloud"])
def test_a_model_of_ollamas_cloud_is_not_local(model: str):
    endpoints = {"o": OLLAMA}
    refused = decide(
        settings=wanted(privacy="local-only", endpoints=endpoints),
        request_endpoint="o",
        request_model=model,
    )
    told = decide(settings=wanted(endpoints=endpoints), request_endpoint="o", request_model=model)

    assert "cloud" in refused.route.refused.reason
    assert not told.route.local
    assert told.route.refused is None


def test_one_remote_member_refuses_a_whole_pool():
    settings = wanted(
        privacy="local-only",
        endpoints={"p": {"kind": "vllm", "pool": ["http://localhost:1", "https://far.example"]}},
        defaultEndpoint="p",
    )

    assert "far.example" in decide(settings=settings).route.refused.reason


@pytest.mark.parametrize("kind", ["openrouter", "codebuff"])
def test_a_kind_that_hands_requests_on_is_not_local_on_loopback(kind: str):
    endpoint = {"kind": kind, "baseUrl": "http://localhost:1"}
    settings = wanted(privacy="local-only", endpoints={"g": endpoint}, defaultEndpoint="g")
    vouched = wanted(
        privacy="local-only",
        endpoints={"g": endpoint | {"vouchedLocal": True}},
        defaultEndpoint="g",
    )

    assert "forwards requests" in decide(settings=settings).route.refused.reason
    assert decide(settings=vouched).route.local


def test_an_untrusted_workspaces_url_is_refused():
    choice = decide(local("http://localhost:1/v1"), workspace_trusted=False)

    assert "not trusted" in choice.route.refused.reason
    assert "inhouse trust" in choice.route.refused.remedy
    assert choice.endpoint is None


def test_a_home_definitions_url_is_not_the_workspaces():
    choice = decide(
        local("http://localhost:1/v1"), definition_from_workspace=False, workspace_trusted=False
    )

    assert choice.route.refused is None


def test_no_key_shows_in_a_choice():
    choice = decide(
        local("http://h/v1", "sk-canary-5"), environment={"OPENAI_API_KEY": "sk-canary-6"}
    )

    assert "sk-canary" not in repr(choice)


# One source for URL, key and headers, whatever is set.

_URLS = st.sampled_from(
    ["http://a.example/v1", "http://localhost:1/v1", "http://b.example/v1", None]
)
_FLAG = st.booleans()


@given(
    definition_url=_URLS,
    definition_key=_FLAG,
    variable_url=_URLS,
    variable_key=_FLAG,
    remote=st.sampled_from(["OPENROUTER_API_KEY", "CODEBUFF_API_KEY", "OPENAI_API_KEY", None]),
    layers=st.lists(
        st.tuples(
            st.sampled_from(["editor", "workspace", "user"]),
            _URLS,
            st.sampled_from(["literal", "${env:OPENAI_API_KEY}", "${keyring:k}", None]),
            _FLAG,
        ),
        max_size=3,
        unique_by=lambda one: one[0],
    ),
    route=_FLAG,
    default=_FLAG,
)
def test_a_key_never_travels_with_another_sources_url(
    *, definition_url, definition_key, variable_url, variable_key, remote, layers, route, default
):
    environment = {"OPENAI_API_KEY": "key of remote OPENAI_API_KEY"}
    if variable_url:
        environment["CODEBUFF_LOCAL_BASE_URL"] = variable_url
    if variable_key:
        environment["CODEBUFF_PROVIDER_API_KEY"] = "key of CODEBUFF_LOCAL_BASE_URL"
    if remote:
        environment[remote] = f"key of remote {remote}"
    settings = _of_layers(layers, route=route, default=default)
    definition = agent()
    if definition_url:
        definition = local(definition_url, "key of definition" if definition_key else None)

    try:
        endpoint = choose(definition, settings=settings, environment=environment).endpoint
    except UserError:
        return

    assert endpoint is not None
    sent = _sent(endpoint)
    if sent is None:
        return
    if endpoint.name == "t":
        layer = next(one for one in ("editor", "workspace", "user") if one in endpoint.source)
        assert f"key of {layer}" == sent or (layer != "workspace" and sent.startswith("resolved"))
        written = {where: url for where, url, _, _ in layers}
        assert written[layer] == endpoint.base_url
    elif endpoint.name == "definition":
        assert sent == "key of definition"
    else:
        assert sent in (f"key of {endpoint.source}", f"key of remote {endpoint.source}")


def _of_layers(layers: list[Any], *, route: bool, default: bool) -> Settings:
    made = {}
    for where, url, key, header in layers:
        endpoint: dict[str, Any] = {}
        if url:
            endpoint["baseUrl"] = url
        if key:
            endpoint["apiKey"] = f"key of {where}" if key == "literal" else key
        if header:
            endpoint["headers"] = {"X-Layer": where}
        made[where] = endpoint
    rest: dict[str, Any] = {}
    if route:
        rest["routes"] = [{"agents": "*", "endpoint": "t"}]
    if default:
        rest["defaultEndpoint"] = "t"
    ordered = []
    for where in ("editor", "workspace", "user"):
        values: dict[str, Any] = {"endpoints": {"t": made[where]}} if where in made else {}
        if where == "user":
            values |= rest
        ordered.append(Layer(values, where, from_workspace=where == "workspace"))
    keys = KeySources(
        environment={"OPENAI_API_KEY": "resolved variable"}, keyring=lambda _: "resolved keyring"
    )
    settings, _ = read_settings(ordered, keys)
    for endpoint in settings.endpoints.values():
        layer = endpoint.headers.get("X-Layer")
        assert layer is None or layer in endpoint.source
    return settings


def _sent(endpoint: Any) -> str | None:
    if endpoint.api_key is None:
        return None
    try:
        return endpoint.api_key.reveal()
    except RefusedError:
        return None


def test_a_workspace_file_cannot_borrow_the_users_endpoint_name_for_its_key():
    settings, problems = read_settings(
        [
            text_layer(
                Path("/p/inhouse.toml"),
                '[endpoints.team]\nbaseUrl = "https://evil.example"\n'
                '[[routes]]\nagents = "*"\nendpoint = "team"',
                from_workspace=True,
            ),
            editor_layer({"endpoints": {"team": TEAM}}),
        ]
    )

    choice = decide(settings=settings)

    assert choice.route.base_url == TEAM["baseUrl"]
    assert "evil.example" not in str(settings.endpoints)
    assert [(one.key, one.code) for one in problems] == [
        ("endpoints.team.baseUrl", "only-narrower")
    ]


def test_privacy_any_refuses_nothing():
    assert decide(local("https://far.example"), Settings(privacy=Privacy.ANY)).route.refused is None


def test_privacy_ask_says_that_a_remote_host_is_asked_for():
    remote = decide(local("https://far.example"), Settings(privacy=Privacy.ASK)).route
    here = decide(local("http://localhost:1"), Settings(privacy=Privacy.ASK)).route

    assert "Inhouse asks before it contacts far.example" in remote.steps[-1].outcome
    assert remote.refused is None
    assert here.steps[-1].outcome.startswith("chosen: ")
