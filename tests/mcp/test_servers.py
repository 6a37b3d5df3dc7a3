"""An agent with MCP servers: real processes, a real host, a scripted model."""

import asyncio
import json
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from inhouse.core.events import RunStatus, ToolOutput
from support.mcp_session import SERVER, User, server, session
from support.model_server import call

HTTP_SERVER = str(Path(__file__).parents[1] / "support" / "mcp_http_server.py")


def children():
    return [
        each
        for each in psutil.Process().children(recursive=True)
        if any(SERVER in part for part in each.cmdline())
    ]


async def test_an_agent_uses_the_tools_of_two_servers_at_once(tmp_path):
    servers = {"one": server(), "two": server(env={"A": "b"})}
    async with session(tmp_path, servers, ["one/echo", "read_files"]) as here:
        done = await here.run(call("one__echo", text="a"), call("two__echo", text="b"), "ready")

        assert done.status is RunStatus.COMPLETED, done
        offered = here.offered()
        assert {"one__echo", "two__echo", "two__die", "read_files"} <= set(offered)
        assert "one__die" not in offered
        assert offered["one__echo"]["description"] == "The tool echo."
        assert here.results() == ["echo: a", "echo: b"] or [
            json.loads(each) for each in here.results()
        ] == ["echo: a", "echo: b"]
        assert [each.text.split()[0] for each in here.user.questions].count("Start") == 2


async def test_a_server_is_started_once_for_all_runs_and_ends_with_the_session(tmp_path):
    async with session(tmp_path, {"one": server()}, ["one/env"]) as here:
        pids = []
        for _ in range(2):
            await here.run(call("one__env"), "ready")
            pids.append(json.loads(_text(here.results()[-1]))["pid"])

        assert pids[0] == pids[1]
        assert children()
    assert not children()


async def test_a_server_gets_its_own_variables_and_none_of_the_keys(tmp_path):
    written = server(env={"TOKEN": "$MY_TOKEN", "PLAIN": "x"})
    secrets = {"MY_TOKEN": "t-1", "OPENAI_API_KEY": "sk-2", "LANG": "C.UTF-8"}
    async with session(tmp_path, {"one": written}, **secrets) as here:
        await here.run(call("one__env"), "ready")

        seen = json.loads(_text(here.results()[-1]))
        assert seen["env"]["TOKEN"] == "t-1"
        assert seen["env"]["PLAIN"] == "x"
        assert "OPENAI_API_KEY" not in seen["env"]
        assert seen["cwd"] == str((tmp_path / "work").resolve())
        assert "TOKEN" in here.user.questions[0].detail


@pytest.mark.parametrize("answers", [{"Start": "Deny"}, {"Start": ""}])
async def test_a_server_that_the_user_does_not_want_is_not_started(answers, tmp_path):
    async with session(tmp_path, {"one": server()}, user=User(**answers)) as here:
        done = await here.run("without it")

        assert done.status is RunStatus.COMPLETED
        assert not children()
        assert "one__echo" not in here.offered()
        assert any("it was not started" in said for said in here.notices())


async def test_a_call_that_the_user_denies_is_not_made(tmp_path):
    async with session(tmp_path, {"one": server()}, user=User(Call="Deny")) as here:
        await here.run(call("one__echo", text="a"), "ready")

        assert "The user denied this call" in here.results()[-1]


async def test_what_was_allowed_for_good_is_not_asked_again_until_the_tool_changes(tmp_path):
    always = User(Start="Always start this server here", Call="Always allow this tool")
    async with session(tmp_path, {"one": server()}, user=always) as here:
        await here.run(call("one__echo", text="a"), call("one__echo", text="b"), "ready")
        await here.host.services.mcp.aclose()
        await here.run(call("one__echo", text="c"), "ready")

        assert len(always.questions) == 2


RESULTS = {
    "fail": "The disk is full",
    "big": "more characters",
    "advice": "Look at it with read_files.",
    "wrong": "no list",
    "blocks": "resource_link",
}


@pytest.mark.parametrize("name", RESULTS)
async def test_every_kind_of_result_reaches_the_model(name, tmp_path):
    async with session(tmp_path, {"one": server()}) as here:
        done = await here.run(call(f"one__{name}"), "ready")

        assert done.status is RunStatus.COMPLETED
        assert RESULTS[name] in here.results()[-1]
        assert len(here.results()[-1]) < 60_000
        if name == "blocks":
            assert "aGVsbG8=" not in here.results()[-1]
            assert "inside" in here.results()[-1]
            assert "hologram" in here.results()[-1]


async def test_progress_is_the_tools_output_and_a_cancelled_run_does_not_wait(tmp_path):
    async with session(tmp_path, {"one": server()}) as here:
        task = asyncio.create_task(here.run(call("one__slow"), "never"))
        while not any(isinstance(each, ToolOutput) for each in here.events):
            await asyncio.sleep(0.01)
            assert not task.done(), task.result()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        told = "".join(each.text for each in here.events if isinstance(each, ToolOutput))
        assert "part 0 (0 of 3)" in told


async def test_a_server_that_dies_is_started_again_once_and_told(tmp_path):
    async with session(tmp_path, {"one": server()}) as here:
        calls = [
            call("one__die"),
            call("one__echo", text="again"),
            call("one__die"),
            call("one__echo", text="no more"),
        ]
        done = await here.run(*calls, "ready")

        assert done.status is RunStatus.COMPLETED
        first, again, second, last = here.results()
        assert "exit status 3" in first
        assert "I am dying" in first
        assert "started again" in first
        assert "echo: again" in again
        assert "Go on without it" in second
        assert "not started a third time" in last
        assert any("started again" in each for each in here.notices())

        await here.run(call("one__echo", text="new run"), "ready")
        assert "echo: new run" in here.results()[-1]


BROKEN = {
    "exit": "cannot find module 'x'",
    "endless": "without the end of a line",
    "garbage": "not messages of the protocol",
    "flood": "answer nothing",
}


@pytest.mark.parametrize("mode", BROKEN)
async def test_a_broken_server_costs_only_its_own_tools(mode, tmp_path):
    async with session(tmp_path, {"bad": server(mode), "good": server()}) as here:
        done = await here.run(call("good__echo", text="a"), "ready")

        assert done.status is RunStatus.COMPLETED
        assert "echo: a" in here.results()[-1]
        [told] = [each for each in here.notices() if "'bad'" in each]
        assert BROKEN[mode] in told


async def test_lines_that_are_no_messages_do_no_harm(tmp_path):
    async with session(tmp_path, {"one": server("chatty")}) as here:
        await here.run(call("one__echo", text="a"), "ready")

        assert "echo: a" in here.results()[-1]


async def test_a_server_that_shouts_is_heard_and_its_words_do_not_fill_the_log(tmp_path, caplog):
    caplog.set_level("INFO", logger="inhouse.mcp.stdio")
    async with session(tmp_path, {"one": server("shouting")}) as here:
        await here.run(call("one__echo", text="a"), "ready")

        assert "echo: a" in here.results()[-1]
        said = [each.message for each in caplog.records if "server one: I am here" in each.message]
        assert 0 < len(said) <= 2_000


async def test_of_very_many_tools_the_first_are_used_and_that_is_told(tmp_path):
    async with session(tmp_path, {"one": server("many")}) as here:
        await here.run("hi")

        assert len(here.offered()) == 500
        assert any("more than 500 tools" in each for each in here.notices())


async def test_names_that_collide_or_are_too_long_are_all_distinct_and_led_back(tmp_path):
    async with session(tmp_path, {"ö/x".replace("/", "."): server("collide")}) as here:
        await here.run("hi")
        names = list(here.offered())

        assert len(names) == len(set(names)) == 4
        assert all(len(name) <= 64 and name.replace("-", "_").isascii() for name in names)
        await here.run(*[call(name) for name in names], "ready")
        results = [_text(each) for each in here.results()]
        assert [each.partition(":")[0] for each in results] == ["a.b", "a b", "x" * 90, "x" * 91]


async def test_schemas_that_model_servers_refuse_are_reduced(tmp_path):
    async with session(tmp_path, {"s": server("schemas")}) as here:
        done = await here.run("hi")
        offered = here.offered()
        text = json.dumps(offered)

        assert done.status is RunStatus.COMPLETED
        assert set(offered) == {
            f"s__{name}" for name in ("refs", "strange", "huge", "wrong", "remote", "fine")
        }
        assert "$ref" not in text
        assert "pattern" not in text
        assert "Must match /[A-Z]+x/" in text
        properties = offered["s__strange"]["parameters"]["properties"]
        assert properties["any"] == {}
        assert "never" not in properties
        assert len(text) < 200_000
        assert all(each["parameters"]["type"] == "object" for each in offered.values())


async def test_what_a_server_writes_is_shown_escaped(tmp_path):
    async with session(tmp_path, {"one": server("prompts")}) as here:
        await here.run(call("one__weather"), "ready")

        detail = here.user.questions[-1].detail
        assert "<U+202E>" in detail
        assert "<U+001B>" in detail


@asynccontextmanager
async def over_http(kind):
    """Start a server of the official SDK on loopback; gives its URL."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, HTTP_SERVER, kind, stdout=asyncio.subprocess.PIPE
    )
    try:
        port = int(await process.stdout.readline())
        yield f"http://127.0.0.1:{port}/{'mcp' if kind == 'http' else 'sse'}"
    finally:
        process.kill()
        await process.communicate()


@pytest.mark.parametrize(("kind", "written"), [("http", "http"), ("sse", "sse"), ("sse", "http")])
async def test_a_server_over_http_is_a_contact_of_the_run(kind, written, tmp_path):
    async with over_http(kind) as url:
        servers = {"far": {"type": written, "url": url, "headers": {"X-Team": "$TEAM"}}}
        allowed = {"allowedEnvironment": ["TEAM"], "privacy": "local-only"}
        async with session(tmp_path, servers, settings=allowed, TEAM="blue") as here:
            done = await here.run(call("far__add", a=2, b=3), call("far__team"), "ready")

            assert done.status is RunStatus.COMPLETED, done
            assert [_text(each) for each in here.results()] == ["5", "blue"], here.notices()
            [contact] = [each for each in done.contacts if each.endpoint == "MCP server far"]
            assert contact.local
            assert contact.bytes_sent > 0
            assert not here.user.questions or here.user.questions[0].text.startswith("Call")


async def test_a_remote_server_is_refused_under_local_only(tmp_path):
    servers = {"far": {"url": "https://192.0.2.7/mcp"}}
    async with session(tmp_path, servers, settings={"privacy": "local-only"}) as here:
        done = await here.run("hi")

        assert done.status is RunStatus.COMPLETED
        assert "not on this machine" in here.notices()[0]
        assert not [each for each in done.contacts if "192.0.2.7" in each.host]


@pytest.mark.parametrize("asked", ["mine/echo", "mine/*", ""])
async def test_a_server_of_the_settings_is_used_by_who_names_it(asked, tmp_path):
    mine = server(env={"TOKEN": "${env:MY_TOKEN}", "ALSO": "Bearer $MY_TOKEN"})
    settings = {"mcpServers": {"mine": mine}}
    names = [asked, "mine/env"] if asked else []
    async with session(tmp_path, {}, names, settings=settings, MY_TOKEN="t-secret-1") as here:
        calls = [call("mine__echo", text="a"), call("mine__env")] if asked else []
        done = await here.run(*calls, "ready")

        assert done.status is RunStatus.COMPLETED, done
        assert ("mine__echo" in here.offered()) is bool(asked)
        assert ("mine__die" in here.offered()) is (asked == "mine/*")
        if asked:
            assert [_text(each)[:7] for each in here.results()] == ["echo: a", '{"env":']
            seen = json.loads(_text(here.results()[1]))["env"]
            assert (seen["TOKEN"], seen["ALSO"]) == ("t-secret-1", "Bearer t-secret-1")
            assert "t-secret-1" not in str(here.events)  # what a user sees
            assert "Named by the editor's settings: mcpServers.mine." in (
                here.user.questions[0].detail
            )
        else:
            assert not here.user.questions


SHARED = {
    "mcpServers": {
        "shared": server(env={"TOKEN": "$MY_TOKEN"}),
        "own": server(env={"FROM": "mcp.json"}),
        "unset": server(env={"TOKEN": "$NOT_SET"}),
    }
}


@pytest.mark.parametrize("agent", ["base", "base-deep", "helper"])
async def test_the_servers_of_mcp_json_are_given_to_base_agents(agent, tmp_path):
    files, own = {".agents/mcp.json": SHARED}, {"own": server(env={"FROM": "definition"})}
    async with session(
        tmp_path, own, definition={"id": agent}, files=files, MY_TOKEN="t-secret-1"
    ) as here:
        is_base = agent != "helper"
        calls = [call("shared__env")] if is_base else []
        await here.run(*calls, call("own__env"), "ready")
        seen = [json.loads(_text(each))["env"] for each in here.results()]

        assert ("shared__echo" in here.offered()) is is_base
        assert seen[-1]["FROM"] == ("mcp.json" if is_base else "definition")
        if is_base:
            assert seen[0]["TOKEN"] == "t-secret-1"
            assert "t-secret-1" not in str(here.events)
            assert len([said for said in here.notices() if "'NOT_SET' is not set" in said]) == 1
            assert any("mcp.json: mcpServers.shared" in each.detail for each in here.user.questions)


@pytest.mark.parametrize(("path", "trusted"), [(".agents", False), ("../.agents", True)])
async def test_the_servers_of_an_untrusted_mcp_json_are_inert_and_named(path, trusted, tmp_path):
    """The trust of the editor is for its own folders: the parent's file needs one of its own."""
    (tmp_path / ".agents").mkdir()
    files = {f"{path}/mcp.json": SHARED}
    definition = {"id": "base"}
    async with session(tmp_path, {}, definition=definition, files=files, trusted=trusted) as here:
        assert not here.host.world.settings.mcp_servers
        told = [each for each in here.host.world.problems if each.code == "needs-trust"]
        assert [Path(each.path).name for each in told] == ["mcp.json"]


OFF = {"mcpServers": {"mine": server(enabled=False)}}


async def test_a_server_that_is_switched_off_says_so(tmp_path):
    async with session(tmp_path, {}, ["mine/echo"], settings=OFF) as here:
        await here.run("hi")

        assert "it is turned off" in here.notices()[0]


@pytest.mark.parametrize("mode", ["ask", "run"])
async def test_what_only_reads_saves_a_question_where_the_users_settings_say_so(mode, tmp_path):
    settings = {"mcpReadOnly": mode}
    async with session(tmp_path, {"one": server()}, settings=settings) as here:
        await here.run(call("one__echo", text="a"), call("one__big"), "ready")

        asked = [each.text.split()[1] for each in here.user.questions if "Call" in each.text]
        assert asked == (["one/echo", "one/big"] if mode == "ask" else ["one/big"])


async def test_a_server_that_describes_its_tools_otherwise_is_told_and_asked_for_again(tmp_path):
    always = User(Start="Always start this server here", Call="Always allow this tool")
    marker = tmp_path / "changed"
    changing = server("changing", env={"MARKER": str(marker)})
    async with session(tmp_path, {"one": changing}, user=always) as here:
        await here.run(call("one__echo", text="a"), "ready")
        assert not any("since last time" in each for each in here.notices())
        marker.touch()
        await here.host.services.mcp.aclose()
        await here.run(call("one__echo", text="b"), "ready")

        assert any("since last time: echo" in each for each in here.notices())
        assert [each.text.split()[0] for each in always.questions] == ["Start", "Call", "Call"]


async def test_another_server_of_the_same_name_is_not_allowed_by_an_old_answer(tmp_path):
    always = User(Start="Start it", Call="Always allow this tool")
    for mode in ("good", "other"):
        folder = tmp_path / "work/.agents"
        async with session(tmp_path, {"one": server(mode)}, user=always) as here:
            await here.run(call("one__echo", text="a"), "ready")
        (folder / "helper.json").unlink()
        folder.rmdir()

    assert [each.text.split()[0] for each in always.questions] == ["Start", "Call"] * 2


async def test_a_server_that_is_not_there_is_told(tmp_path):
    servers = {"gone": {"command": "no-such-program-anywhere"}}
    async with session(tmp_path, servers, ["other/tool"]) as here:
        done = await here.run("hi")

        assert done.status is RunStatus.COMPLETED
        assert any("no program 'no-such-program-anywhere'" in each for each in here.notices())
        assert any("No MCP server 'other'" in each for each in here.notices())


async def test_commands_that_are_off_keep_every_server_off(tmp_path):
    async with session(tmp_path, {"one": server()}, settings={"commands": "never"}) as here:
        await here.run("hi")

        assert 'commands = "never"' in here.notices()[0]
        assert not here.user.questions


def _text(result):
    try:
        value = json.loads(result)
    except ValueError:
        return result
    return value if isinstance(value, str) else result


async def test_an_answer_for_a_server_is_for_the_variables_it_was_given_for(tmp_path):
    always = User(Start="Always start this server here")
    long = {"one": server(env={"A": "b"})}
    long["one"]["args"] = [*long["one"]["args"], "x" * 3_000, "THE END"]
    async with session(tmp_path, long, ["one/echo"], user=always) as here:
        await here.run("ready")
        assert "THE END" in always.questions[0].text
        assert "A=b" in always.questions[0].detail
        await here.host.services.mcp.aclose()
        file = tmp_path / "work/.agents/helper.json"
        file.write_text(file.read_text().replace('"A": "b"', '"NODE_OPTIONS": "--require ./x"'))
        await here.host.reload()
        await here.run("ready")

        assert len(always.questions) == 2
        assert "NODE_OPTIONS=--require ./x" in always.questions[1].detail


async def test_a_secret_variable_of_a_server_is_not_in_its_question(tmp_path):
    written = server(env={"TOKEN": "$MY_TOKEN"})
    async with session(tmp_path, {"one": written}, ["one/echo"], MY_TOKEN="t-secret-1") as here:
        await here.run("ready")

        assert "TOKEN=$MY_TOKEN" in here.user.questions[0].detail
        assert "t-secret-1" not in str(here.user.questions)


async def test_a_users_own_server_obeys_no_file_of_a_workspace_that_is_not_trusted(
    tmp_path, monkeypatch
):
    """Started there, npx would take its program and its registry from the workspace."""
    settings = {"mcpServers": {"one": server()}}
    definition = {"toolNames": ["one/env"]}
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    async with session(
        tmp_path, {}, settings=settings, definition=definition, trusted=False
    ) as here:
        agents = tmp_path / "me/.agents"
        agents.mkdir(parents=True)
        (tmp_path / "work/.agents/helper.json").rename(agents / "helper.json")
        (tmp_path / "work/.agents/theirs.json").write_text('{"id": "theirs", "model": "m"}')
        await here.host.reload()
        await here.run(call("one__env"), "ready")

        seen = json.loads(_text(here.results()[-1]))
        assert seen["cwd"] == str(tmp_path / "me")
