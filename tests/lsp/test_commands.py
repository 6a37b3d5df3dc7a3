"""Every command of docs/protocol.md, with the shapes it promises."""

import asyncio

import pytest

from inhouse.lsp.contract.command_names import COMMANDS
from support.editor import HELIX, VSCODE, ServerError, open_editor
from support.model_server import ModelServer, Pause

ROUTE = {"endpoint", "baseUrl", "model", "local", "decidedBy", "source", "steps"}
RESULT = {
    "runId",
    "agent",
    "route",
    "status",
    "text",
    "usage",
    "edits",
    "startedAt",
    "durationMs",
    "firstTokenMs",
}


async def test_a_run_answers_at_once_and_its_result_comes_later(project):
    project.server.play("Hel", Pause(0.3), "lo")
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        started = await editor.command("inhouse.run", {"agent": "writer", "prompt": "hi"})

        assert set(started) == {"runId", "agent", "route", "session"}
        assert started["agent"] == "writer"
        assert set(started["route"]) >= ROUTE
        running = await editor.command("inhouse.result", {"runId": started["runId"]})
        assert running["status"] == "running"
        result = await editor.ended(started["runId"])
        assert set(result) >= RESULT
        assert result["status"] == "completed"
        assert result["stopReason"] == "end_turn"
        assert result["text"] == "Hello"
        assert result["usage"]["inputTokens"] == 11


async def test_a_command_of_its_own_takes_every_way_of_arguments(project):
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        for arguments in ([], ["say hi"], [None], [{"prompt": "x"}], [["a", "b"]], ["a", "b"]):
            started = await editor.command("inhouse.run.writer", *arguments)
            assert (await editor.ended(started["runId"]))["status"] == "completed"
        without = await editor.request(
            "workspace/executeCommand", {"command": "inhouse.run.writer"}
        )
        assert without["agent"] == "writer"

        prompts = [run["prompt"] for run in await editor.command("inhouse.runs")]
        assert prompts == ["", "a b", "a b", "x", "", "say hi", ""]


@pytest.mark.parametrize(
    ("command", "argument", "says"),
    [
        ("inhouse.run", {"agent": "nobody"}, "No agent 'nobody'.  Agents: writer"),
        ("inhouse.run", {}, "'agent' is missing"),
        ("inhouse.run", {"agent": 5}, "'agent' must be string, not a number"),
        ("inhouse.run", {"agent": "writer", "params": "x"}, "'params' must be object"),
        ("inhouse.run", {"agent": "writer", "range": {"start": 1}}, "'range' must be Range"),
        ("inhouse.run", {"agent": "writer", "endpoint": "nowhere"}, "nowhere"),
        ("inhouse.run", 7, "It takes {agent?: string"),
        ("inhouse.result", {"runId": "run-77"}, "No run 'run-77'"),
        ("inhouse.result", {}, "'runId' is missing"),
        ("inhouse.cancel", {"runId": "run-77"}, "No run 'run-77'"),
        ("inhouse.runs", {"limit": "many"}, "'limit' must be number"),
        ("inhouse.explain", {"agent": "nobody"}, "No agent 'nobody'"),
        ("inhouse.nothing", {}, f"No command 'inhouse.nothing'.  Commands: {', '.join(COMMANDS)},"),
    ],
)
async def test_a_bad_argument_is_told_what_would_work(project, command, argument, says):
    async with open_editor(project.folder, **project.how()) as editor:
        with pytest.raises(ServerError) as raised:
            await editor.command(command, argument)

        assert says in str(raised.value)
        assert raised.value.code == -32602
        assert "Traceback" not in str(raised.value)
        assert await editor.command("inhouse.runs") == []


async def test_a_policy_that_says_no_is_a_failed_request(project):
    project.settings["endpoints"]["far"] = {"baseUrl": "https://llm.example.com/v1"}
    project.settings |= {"defaultEndpoint": "far", "privacy": "local-only"}
    async with open_editor(project.folder, **project.how()) as editor:
        with pytest.raises(ServerError) as raised:
            await editor.command("inhouse.run", {"agent": "writer"})

        assert raised.value.code == -32803
        assert "local-only" in str(raised.value)


async def test_the_commands_that_look(project):
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        found = await editor.command("inhouse.agents")
        agents = [agent for agent in found if not agent["onBoard"]]
        assert [agent["id"] for agent in agents] == ["writer"] == [found[0]["id"]]
        assert {"ask", "edit"} < {agent["id"] for agent in found}
        assert set(agents[0]) >= {
            "id",
            "displayName",
            "description",
            "model",
            "source",
            "usable",
            "problems",
        }
        assert set(await editor.command("inhouse.explain", {"agent": "writer"})) >= ROUTE
        (endpoint,) = await editor.command("inhouse.endpoints")
        assert set(endpoint) >= {"name", "kind", "baseUrl", "local", "source", "findings"}
        assert await editor.command("inhouse.reload") == {
            "agents": len(found),
            "problems": 0,
        }


async def test_runs_are_listed_newest_first(project):
    async with open_editor(project.folder, **project.how()) as editor:
        for prompt in ("one", "two", "three"):
            started = await editor.command("inhouse.run", {"agent": "writer", "prompt": prompt})
            await editor.ended(started["runId"])

        runs = await editor.command("inhouse.runs", {"limit": 2})
        assert [run["prompt"] for run in runs] == ["three", "two"]
        assert set(runs[0]) >= {
            "runId",
            "agent",
            "status",
            "startedAt",
            "durationMs",
            "prompt",
            "endpoint",
            "model",
        }


async def test_checks_of_endpoints_are_progress(project):
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        await editor.command("inhouse.endpoints", {"check": True, "workDoneToken": "checks"})
        await editor.until(lambda: [v for v in editor.progress("checks") if v["kind"] == "end"])

        kinds = [value["kind"] for value in editor.progress("checks")]
        assert kinds[0] == "begin"
        assert kinds.count("end") == 1
        (endpoint,) = await editor.command("inhouse.endpoints")
        assert endpoint["reachable"] is True
        assert endpoint["latencyMs"] >= 0
        assert [model["id"] for model in endpoint["models"]]


async def test_a_check_of_one_definitions_server_contacts_no_other(project):
    with ModelServer(("one",)) as first, ModelServer(("two",)) as second:
        project.agent("first", localProvider={"baseUrl": first.base_url})
        project.agent("second", localProvider={"baseUrl": second.base_url})
        async with open_editor(project.folder, **project.how(VSCODE)) as editor:

            async def check(token, **which):
                given = {"check": True, "workDoneToken": token, **which}
                await editor.command("inhouse.endpoints", given)
                await editor.until(
                    lambda: [v for v in editor.progress(token) if v["kind"] == "end"]
                )
                told = await editor.command("inhouse.endpoints")
                return {one["baseUrl"]: one.get("reachable") for one in told}

            told = await check("1", agent="first")
            assert first.requests
            assert not second.requests + project.server.requests
            assert (told[first.base_url], told[second.base_url]) == (True, None)

            first.requests.clear()
            told = await check("2", name="definition", baseUrl=second.base_url)
            assert second.requests
            assert not first.requests + project.server.requests
            assert (told[first.base_url], told[second.base_url]) == (True, True)


async def test_a_client_that_cannot_register_commands_gets_each_agent_at_the_start(project):
    async with open_editor(project.folder, **project.how(HELIX)) as editor:
        commands = editor.result["capabilities"]["executeCommandProvider"]["commands"]
        assert "inhouse.run.writer" in commands
        assert not editor.asked("client/registerCapability") or all(
            entry["method"] != "workspace/executeCommand"
            for params in editor.asked("client/registerCapability")
            for entry in params["registrations"]
        )


async def test_the_agents_of_the_last_time_are_known_at_the_start_until_a_file_changes(project):
    def named(editor):
        return set(editor.result["capabilities"]["executeCommandProvider"]["commands"])

    computed = 'const id = "com" + [1].map(() => "puted")[0];\n'
    path = project.folder / ".agents" / "late.ts"
    path.write_text(f'{computed}export default {{ id, displayName: "L", model: "m" }}\n')
    how = project.how(HELIX)
    async with open_editor(project.folder, **how) as editor:
        assert "inhouse.run.computed" not in named(editor)  # To know it, its code must run.
        await editor.until(lambda: list(project.home.rglob("agent-ids/*.json")))
    async with open_editor(project.folder, **how) as editor:
        assert {"inhouse.run.computed", "inhouse.run.writer"} <= named(editor)
    project.agent("reviewer")
    async with open_editor(project.folder, **how) as editor:
        assert "inhouse.run.reviewer" in named(editor)


async def test_commands_of_agents_are_kept_current(project):
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:

        def registered():
            return {
                command
                for params in editor.asked("client/registerCapability")
                for entry in params["registrations"]
                if entry["method"] == "workspace/executeCommand"
                for command in entry["registerOptions"]["commands"]
            }

        await editor.until(lambda: "inhouse.run.writer" in registered())
        path = project.agent("reviewer")
        await editor.until(lambda: "inhouse.run.reviewer" in registered())
        path.unlink()
        await editor.until(
            lambda: (
                [
                    entry["id"]
                    for params in editor.asked("client/unregisterCapability")
                    for entry in params["unregisterations"]
                ]
                == ["inhouse.run.reviewer"]
            )
        )


async def test_two_runs_of_one_session_share_their_history(project):
    project.server.play("first answer")
    project.server.play("second answer")
    async with open_editor(project.folder, **project.how()) as editor:
        for prompt in ("one", "two"):
            started = await editor.command(
                "inhouse.run", {"agent": "writer", "prompt": prompt, "session": "s"}
            )
            await editor.ended(started["runId"])

        messages = str(project.server.chats[-1].body["messages"])
        assert "first answer" in messages


async def test_every_command_answers_while_fifty_runs_stream(project):
    project.server.default = ["x", Pause(20)]
    async with open_editor(project.folder, **project.how()) as editor:
        started = [
            await editor.command("inhouse.run", {"agent": "writer", "streamToken": number})
            for number in range(50)
        ]
        await editor.until(
            lambda: all(
                any(event["kind"] == "text" for event in editor.events(number))
                for number in range(50)
            ),
            seconds=30,
        )

        runs = await editor.command("inhouse.runs")
        assert [run["status"] for run in runs] == ["running"] * 50
        for each in started:
            await editor.command("inhouse.cancel", {"runId": each["runId"]})
        for each in started:
            assert (await editor.ended(each["runId"]))["status"] == "cancelled"
        await asyncio.sleep(0)
