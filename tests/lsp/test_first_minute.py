"""What an editor needs before the first run: providers, a tested endpoint, a first agent."""

import asyncio
import tomllib

import pytest

from inhouse.core.remedies import remedies_for
from support.editor import VSCODE, ServerError, open_editor


@pytest.fixture
def bare(project):
    """Nothing is configured."""
    project.settings = {}
    return project


def settings_of(project):
    return tomllib.loads((project.home / "config" / "config.toml").read_text())


async def test_an_endpoint_is_tested_added_and_the_default_if_it_is_the_first(bare):
    where = {"name": "mine", "baseUrl": bare.server.base_url}
    async with open_editor(bare.folder, **bare.how(VSCODE)) as editor:
        tested = await editor.command("inhouse.endpoint.test", where)
        assert tested["reachable"]
        assert [model["id"] for model in tested["models"]] == ["test-model"]
        assert await editor.command("inhouse.endpoints") == []

        added = await editor.command("inhouse.endpoint.add", {**where, "model": "test-model"})
        assert added["name"] == "mine"
        assert added["isDefault"]
        second = await editor.command("inhouse.endpoint.add", {"provider": "ollama"})
        assert (second["name"], second["isDefault"]) == ("ollama", False)
        await editor.command("inhouse.endpoint.default", {"name": "ollama"})
        assert settings_of(bare)["defaultEndpoint"] == "ollama"
        await editor.command("inhouse.endpoint.default", {"name": "mine"})

        bare.server.play("Hello")
        started = await editor.command("inhouse.run", {"agent": "ask", "prompt": "hi"})
        assert (await editor.ended(started["runId"]))["text"] == "Hello"
    assert settings_of(bare)["endpoints"]["mine"]["models"] == {"*": "test-model"}


async def test_a_refused_key_is_a_failure_and_writes_nothing(bare):
    bare.server.models_status = 401
    async with open_editor(bare.folder, **bare.how(VSCODE)) as editor:
        tested = await editor.command(
            "inhouse.endpoint.test", {"baseUrl": bare.server.base_url, "key": "sk-wrong-1234567"}
        )
    (finding,) = tested["findings"]
    assert (finding["severity"], finding["code"]) == ("error", "unauthorized")
    assert bare.server.requests[-1].headers["authorization"] == "Bearer sk-wrong-1234567"
    assert not (bare.home / "config" / "config.toml").exists()


async def test_providers_are_named_by_the_server(bare):
    how = bare.how(VSCODE)
    how["environ"] = {**bare.environ, "GROQ_API_KEY": "gsk-canary-1234567"}
    async with open_editor(bare.folder, **how) as editor:
        known = await editor.command("inhouse.providers", {"discover": True})
    assert {"ollama", "openrouter", "openai", "groq"} <= {one["name"] for one in known}
    groq = next(one for one in known if one["name"] == "groq")
    assert (groq["key"], groq["keyIsSet"]) == ("required", True)
    assert "canary" not in str(known)


async def test_an_error_comes_in_parts_with_its_remedies(bare):
    async with open_editor(bare.folder, **bare.how(VSCODE)) as editor:
        with pytest.raises(ServerError) as raised:
            await editor.command("inhouse.run", {"agent": "ask", "prompt": "hi"})
        told = raised.value.data
        assert told["code"] == "no-endpoint"
        assert told["cause"] == "No model serves 'ask' yet."
        assert [one["id"] for one in told["remedies"]] == ["addEndpoint", "installModel"]

        await editor.command(
            "inhouse.endpoint.add", {"name": "dead", "baseUrl": "http://127.0.0.1:9/v1"}
        )
        started = await editor.command("inhouse.run", {"agent": "ask", "prompt": "hi"})
        result = await editor.ended(started["runId"])
    error = result["error"]
    assert "127.0.0.1:9" in error["cause"]
    assert "\n" not in error["cause"]
    assert [one["id"] for one in error["remedies"]] == ["checkEndpoints", "addEndpoint"]


def test_a_server_that_is_known_by_its_port_can_be_started():
    start, *_ = remedies_for("unreachable", endpoint="mine", url="http://127.0.0.1:11434")
    assert (start.title, start.command) == ("Start Ollama", "ollama serve")
    assert remedies_for("unreachable", url="http://192.0.2.1:11434")[0].id == "checkEndpoints"


def test_a_key_is_set_only_where_a_door_can_set_it():
    key, *_ = remedies_for("unauthorized", endpoint="mine")
    assert (key.id, key.endpoint) == ("setKey", "mine")
    # The address of these is a definition's or a variable's, and so is the key.
    for name in ("definition", "environment"):
        assert [one.id for one in remedies_for("unauthorized", endpoint=name)] == ["addEndpoint"]


CONFIG = """\
# mine
[endpoints.cloud]
baseUrl = "{url}"
apiKey = "${{env:OLD}}"
headers = {{ x-team = "blue" }}

[endpoints.both]
pool = ["cloud", "http://127.0.0.1:9/v1"]

["endpoints"."my box"]
baseUrl = "http://127.0.0.1:9/v1"
"""


async def test_a_new_key_changes_the_key_and_nothing_else(bare):
    path = bare.home / "config" / "config.toml"
    path.parent.mkdir()
    written = CONFIG.format(url=bare.server.base_url)
    path.write_text(written)
    own = {"apiKey": "${keyring:cloud}"}
    bare.settings = {"endpoints": {"cloud": {"models": {"*": "m"}}, "far": {"kind": "ollama"}}}
    async with open_editor(bare.folder, **bare.how(VSCODE)) as editor:
        asked = await editor.command("inhouse.endpoint.key", {"name": "cloud"})
        assert asked == {"uri": path.as_uri()}
        assert path.read_text() == written
        key = {"name": "cloud", "keyReference": own["apiKey"]}
        assert await editor.command("inhouse.endpoint.key", key) == {"uri": path.as_uri()}
        assert path.read_text() == written.replace("${env:OLD}", own["apiKey"])
        # The client's own settings have this one's address.
        far = {"name": "far", "keyReference": "${keyring:far}"}
        assert await editor.command("inhouse.endpoint.key", far) == {}
        assert "keyring:far" not in path.read_text()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("environment", "are in variables .*: change the key there"),
        ("definition", "are in a definition's `localProvider`"),
        ("embedded", "takes no key"),
        ("nobody", "No endpoint 'nobody'"),
        ("theirs", "unless you bind it to that host"),
        ("both", "set the key of cloud"),
        ("my box", "write its `apiKey` yourself"),
    ],
)
async def test_a_key_that_cannot_be_set_is_refused_before_it_is_asked_for(bare, name, told):
    path = bare.home / "config" / "config.toml"
    path.parent.mkdir()
    path.write_text(CONFIG.format(url=bare.server.base_url))
    (bare.folder / "inhouse.toml").write_text('[endpoints.theirs]\nkind = "ollama"\n')
    async with open_editor(bare.folder, **bare.how(VSCODE)) as editor:
        with pytest.raises(ServerError, match=told):
            await editor.command("inhouse.endpoint.key", {"name": name})


async def test_a_key_itself_is_never_written(bare):
    path = bare.home / "config" / "config.toml"
    path.parent.mkdir()
    path.write_text(CONFIG.format(url=bare.server.base_url))
    async with open_editor(bare.folder, **bare.how(VSCODE)) as editor:
        with pytest.raises(ServerError, match="never the key"):
            await editor.command(
                "inhouse.endpoint.key", {"name": "cloud", "keyReference": "sk-canary-1234567"}
            )
    assert "canary" not in path.read_text()


async def test_a_new_key_is_tried_with_the_headers_that_the_endpoint_has(bare):
    path = bare.home / "config" / "config.toml"
    path.parent.mkdir()
    path.write_text(CONFIG.format(url=bare.server.base_url))
    where = {"name": "cloud", "baseUrl": bare.server.base_url, "key": "sk-canary-1234567"}
    async with open_editor(bare.folder, **bare.how(VSCODE)) as editor:
        await editor.command("inhouse.endpoint.test", where)
        headers = bare.server.requests[-1].headers
        assert headers["authorization"] == "Bearer sk-canary-1234567"
        assert headers["x-team"] == "blue"
        # They are not for whoever else is tried under that name.
        await editor.command("inhouse.endpoint.test", where | {"kind": "vllm"})
        assert "x-team" not in bare.server.requests[-1].headers


async def test_an_endpoint_says_whether_the_workspace_names_its_address(bare):
    own, theirs = "http://127.0.0.1:9/v1", "http://127.0.0.1:10/v1"
    (bare.folder / "inhouse.toml").write_text(f'[endpoints.theirs]\nbaseUrl = "{theirs}"\n')
    async with open_editor(bare.folder, **bare.how(VSCODE)) as editor:
        await editor.command("inhouse.endpoint.add", {"name": "own", "baseUrl": own})
        told = {one["name"]: one for one in await editor.command("inhouse.endpoints")}
    assert told["theirs"]["fromWorkspace"]
    assert "takesKey" not in told["theirs"]
    assert "fromWorkspace" not in told["own"]
    assert told["own"]["takesKey"]


async def test_a_new_agent_runs_as_it_is_and_is_never_written_over(bare):
    async with open_editor(bare.folder, **bare.how(VSCODE)) as editor:
        made = await editor.command("inhouse.agent.new", {"id": "Sage"})
        assert made["id"] == "sage"
        assert made["written"]
        file = bare.folder / ".agents" / "sage.ts"
        assert made["uri"] == file.as_uri()
        agents = {one["id"]: one for one in await editor.command("inhouse.agents")}
        assert agents["sage"]["usable"]
        file.write_text(file.read_text() + "// mine\n")
        assert not (await editor.command("inhouse.agent.new", {"id": "sage"}))["written"]
        assert file.read_text().endswith("// mine\n")
        with pytest.raises(ServerError, match="cannot be an agent's id"):
            await editor.command("inhouse.agent.new", {"id": "a b"})


async def test_what_the_embedded_model_is_good_for_is_said_before_it_is_installed(bare):
    async with open_editor(bare.folder, **bare.how(VSCODE)) as editor:
        status = await editor.command("inhouse.embedded")
    assert status["installed"] is False
    assert "cannot edit files" in status["ability"]


async def test_whoever_asks_for_an_installation_that_runs_hears_of_its_end(bare):
    how = {"install": True, "model": "missing.gguf"}
    async with open_editor(bare.folder, **bare.how(VSCODE)) as editor:
        tokens = ("first", "second")
        await asyncio.gather(
            *(editor.command("inhouse.embedded", {**how, "workDoneToken": each}) for each in tokens)
        )
        for token in tokens:
            await editor.until(lambda token=token: "end" in kinds_of(editor, token))
            assert kinds_of(editor, token)[0] == "begin"
        assert not (await editor.command("inhouse.embedded"))["installing"]


def kinds_of(editor, token):
    return [value["kind"] for value in editor.progress(token)]


@pytest.mark.parametrize(
    "key", ["sk-one-1234567\nsk-two-1234567", "sk-\u200bcanary-1234567", "clé"]
)
async def test_a_key_that_no_header_can_carry_is_refused_in_words_and_never_told(bare, key):
    async with open_editor(bare.folder, **bare.how(VSCODE)) as editor:
        where = {"baseUrl": bare.server.base_url, "key": key}
        tested = await editor.command("inhouse.endpoint.test", where)
    (finding,) = tested["findings"]
    assert finding["code"] == "unauthorized"
    assert "which no key has" in finding["message"]
    assert key not in str(tested)
    assert "sk-one" not in str(tested)
    assert bare.server.requests == []


@pytest.mark.parametrize(
    ("status", "code"),
    [(403, "unauthorized"), (404, "not_found"), (429, "rate_limited"), (500, "unavailable")],
)
async def test_what_is_wrong_with_a_new_endpoint_names_no_setting_that_is_not_there(
    bare, status, code
):
    bare.server.models_status = status
    async with open_editor(bare.folder, **bare.how(VSCODE)) as editor:
        tested = await editor.command("inhouse.endpoint.test", {"baseUrl": bare.server.base_url})
    (finding,) = tested["findings"]
    assert finding["code"] == code
    assert "inhouse.endpoints" not in str(finding)
    assert "inhouse key" not in str(finding)


async def test_a_definition_that_cannot_be_used_says_why_and_where(bare):
    path = bare.folder / ".agents" / "broken.ts"
    path.parent.mkdir(exist_ok=True)
    path.write_text('export default {\n  id: "broken",\n  displayName: "B",\n  model: 42,\n};\n')
    async with open_editor(bare.folder, **bare.how(VSCODE)) as editor:
        with pytest.raises(ServerError) as raised:
            await editor.command("inhouse.run", {"agent": "broken", "prompt": "hi"})
    told = raised.value.data
    assert "cannot be used: broken.ts:4: `model` must" in told["cause"]
    assert told["remedies"] == [
        {"id": "openFile", "title": "Open Definition", "uri": path.as_uri(), "line": 3}
    ]
