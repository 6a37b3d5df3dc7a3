"""``agents``, ``explain``, ``doctor``, ``trust``, ``key`` and ``costs``."""

from support.model_server import ModelServer
from support.terminal import Terminal


def test_agents_json_has_the_contracts_shape(local: Terminal, server: ModelServer):
    local.agent(more="spawnerPrompt: 'Helps.\\nIn more words.',")
    (local.workspace / ".agents" / "notes.ts").write_text("export const x = 1\n")

    found = local("agents", "--json", "--trust").json

    (agent,) = [each for each in found["agents"] if not each["onBoard"]]
    assert agent["id"] == "helper"
    assert agent["description"] == "Helps."
    assert agent["usable"] is True
    assert agent["source"].startswith("file:///")
    assert agent["route"]["endpoint"] == "environment"
    assert agent["route"]["baseUrl"] == server.base_url
    assert found["problems"] == []


def test_a_definition_without_a_model_is_listed_with_its_problem(local: Terminal):
    (local.workspace / ".agents" / "bad.ts").write_text(
        "export default { id: 'bad', displayName: 'Bad' }\n"
    )

    found = local("agents", "--json", "--trust").json

    told = [*found["problems"], *(p for agent in found["agents"] for p in agent["problems"])]
    assert any("model" in problem["message"] for problem in told)
    assert all(agent["usable"] is False for agent in found["agents"] if not agent["onBoard"])


def test_explain_opens_no_connection(local: Terminal, server: ModelServer):
    local.agent()

    route = local("explain", "helper", "--json", "--trust").json

    assert route["decidedBy"] == "environment"
    assert [step["rule"] for step in route["steps"]]
    assert server.requests == []


def test_a_route_that_is_refused_is_explained_like_any_other(local: Terminal):
    local.agent()
    local.environ["CODEBUFF_LOCAL_BASE_URL"] = "https://llm.example.com/v1"
    (local.workspace / "inhouse.toml").write_text('privacy = "local-only"\n')

    explained = local("explain", "helper", "--json", "--trust")
    shown = local("explain", "helper", "--trust")

    assert explained.status == shown.status == 0
    assert explained.json["refused"]["remedy"]
    assert "local-only" in shown.out + shown.err


def test_a_key_is_never_printed(local: Terminal, server: ModelServer):
    local.agent()
    key = "sk-canary-0123456789abcdef"
    local.environ["CODEBUFF_PROVIDER_API_KEY"] = key

    for arguments in (
        ["explain", "helper", "--trust"],
        ["agents", "--json", "--trust"],
        ["doctor", "--json", "--trust"],
        ["run", "helper", "hi", "--trust", "--json"],
        ["audit", "--json"],
    ):
        done = local(*arguments)
        assert key not in done.out + done.err, arguments
    assert server.chats[0].headers["authorization"] == f"Bearer {key}"


def test_trust_is_given_to_content(local: Terminal, server: ModelServer):
    path = local.agent()

    assert local("trust", "--show").status == 1
    assert local("trust").status == 0
    assert local("run", "helper", "hi").status == 0
    path.write_text(path.read_text().replace("Be short.", "Be evil."))
    changed = local("run", "helper", "hi")

    assert changed.status == 2
    assert "helper.ts (changed)" in changed.err
    shown = local("trust", "--show").out
    assert "-  instructionsPrompt: 'Be short.'," in shown
    assert "+  instructionsPrompt: 'Be evil.'," in shown
    assert local("trust", "--revoke").status == 0
    assert local("run", "helper", "hi").status == 2


def test_costs_count_a_local_run(local: Terminal):
    local.agent(model="openai/gpt-4o")
    local("run", "helper", "hi", "--trust")

    costs = local("costs", "--json").json

    assert costs == local("costs", "--json", "--days", "999999999").json
    assert costs["runs"] == 1
    assert costs["costUsd"] == 0
    assert costs["savedUsd"] > 0
    assert costs["byEndpoint"]["environment"]["inputTokens"] == 11


def test_version_and_help_need_no_workspace(terminal: Terminal):
    assert terminal("--version").out.startswith("inhouse ")
    assert "doctor" in terminal("--help").out


def test_schema_prints_what_editors_check_files_by(local: Terminal):
    assert "toolNames" in local("schema").json["properties"]
    assert "defaultEndpoint" in local("schema", "settings").json["properties"]
    assert local("schema", "other").status == 2
