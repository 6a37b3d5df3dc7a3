"""What may do harm is shown whole and allowed deliberately; the safe choice is first."""

import asyncio
import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from support.editor import HELIX, NEOVIM, SILENCE, VSCODE, ServerError, open_editor
from support.model_server import Hangup, call

HERE = {"name": "helix"}
SAFE = ("Deny", "Not now", "Stop", "Reject", "Do not contact it")


async def run_command(project, editor, command: str) -> tuple[dict, list]:
    project.server.play(call("run_terminal_command", command=command))
    project.server.play("done")
    started = await editor.command("inhouse.run", {"agent": "runner", "streamToken": "s"})
    result = await editor.ended(started["runId"])
    assert result["status"] == "completed"
    return json.loads(project.server.chats[-1].body["messages"][-1]["content"]), editor.asked(
        "window/showMessageRequest"
    )


@pytest.fixture
def runner(project):
    project.agent("runner", "run_terminal_command")
    return project


async def test_a_long_command_is_opened_as_a_document_and_only_then_allowed(runner):
    command = f"echo {'x' * 1_200}; touch made"
    opened = []

    def show(params):
        opened.append(Path(params["uri"].removeprefix("file://")).read_text("utf-8"))
        return {"success": True}

    async with open_editor(runner.folder, **runner.how(NEOVIM)) as editor:
        editor.on["window/showDocument"] = show
        editor.on["window/showMessageRequest"] = lambda params: params["actions"][1]
        told, [question] = await run_command(runner, editor, command)

    assert told["exitCode"] == 0
    assert command in opened[0]
    assert question["actions"][0]["title"] in SAFE
    assert "Read all of it in the document" in question["message"]
    assert len(question["message"]) < 1_000


async def test_what_no_editor_can_show_whole_is_not_allowed(runner):
    command = f"echo {'x' * 1_200}; touch made"
    async with open_editor(runner.folder, **runner.how(NEOVIM)) as editor:
        editor.on["window/showDocument"] = lambda _: {"success": False}
        editor.on["window/showMessageRequest"] = lambda params: params["actions"][-1]
        told, [question] = await run_command(runner, editor, command)

    assert [each["title"] for each in question["actions"]] == ["Deny"]
    assert "denied" in told["errorMessage"]
    assert not (runner.folder / "made").exists()


async def test_an_answer_that_came_before_anybody_could_read_does_not_count(runner):
    async with open_editor(runner.folder, **runner.how(NEOVIM)) as editor:
        editor.reads_questions = 0
        editor.on["window/showMessageRequest"] = lambda params: params["actions"][1]
        told, asked = await run_command(runner, editor, "touch made")

    assert len(asked) > 1
    assert "before the question could be read" in asked[1]["message"]
    assert "Nobody allowed" in told["errorMessage"]
    assert not (runner.folder / "made").exists()


async def test_an_answer_after_its_run_was_cancelled_is_dropped_and_is_no_error(runner):
    runner.server.play(call("run_terminal_command", command="touch made"))
    async with open_editor(runner.folder, **runner.how(VSCODE)) as editor:
        editor.on["window/showMessageRequest"] = lambda _: SILENCE
        started = await editor.command("inhouse.run", {"agent": "runner"})
        await editor.until(lambda: editor.asked("window/showMessageRequest"))
        [question] = [one for one in editor.requests if "showMessageRequest" in one["method"]]
        await editor.command("inhouse.cancel", {"runId": started["runId"]})
        result = await editor.ended(started["runId"])

        for _ in range(2):
            answer = {"jsonrpc": "2.0", "id": question["id"]}
            editor.send(answer | {"result": question["params"]["actions"][-1]})
        await editor.command("inhouse.agents")  # The server has read the answers by then.
        said = [*editor.messages("window/showMessage"), *editor.messages("window/logMessage")]

    assert result["status"] == "cancelled"
    assert [one for one in said if one["type"] == 1] == editor.messages("?") == []
    assert not (runner.folder / "made").exists()


async def test_no_message_has_a_link_or_hidden_characters_and_the_answer_is_written_down(runner):
    command = "echo '[Safe](command:workbench.action.quit) $(trash)' \u202e\x1b[8m"
    async with open_editor(runner.folder, **runner.how(NEOVIM)) as editor:
        editor.on["window/showMessageRequest"] = lambda params: params["actions"][0]
        _, [question] = await run_command(runner, editor, command)
        notices = [each["message"] for each in editor.events("s") if each["kind"] == "notice"]

    done = subprocess.run(  # noqa: ASYNC221  the run is over
        [sys.executable, "-m", "inhouse", "audit", "--json"],
        env={**os.environ, **runner.environ},
        cwd=runner.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    [record] = json.loads(done.stdout)
    assert record["permissions"] == [{"kind": "command", "answer": "Deny"}]
    assert "](" not in question["message"]
    assert "$(" not in question["message"]
    assert "<U+202E><U+001B>[8m" in question["message"]
    assert "Your answer: Deny." in notices


async def test_code_actions_offer_the_safe_answer_first(runner):
    path = runner.file("a.py", "x = 1\n")
    async with open_editor(
        runner.folder, **runner.how(HELIX), clientInfo={"name": "helix"}
    ) as editor:
        editor.on["window/showMessageRequest"] = lambda _: RuntimeError("unhandled")
        uri = editor.open(path)
        runner.server.play(call("run_terminal_command", command="touch made"))
        runner.server.play("done")
        started = await editor.command("inhouse.run", {"agent": "runner"})
        await editor.until(lambda: editor.messages("window/showMessage"))
        line = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}}
        params = {"textDocument": {"uri": uri}, "range": line, "context": {"diagnostics": []}}
        found = await editor.request("textDocument/codeAction", params)
        first = found[0]
        assert first["title"].startswith("Answer 'Deny'")
        await editor.command(first["command"]["command"], *first["command"]["arguments"])
        await editor.ended(started["runId"])

    assert not (runner.folder / "made").exists()


async def test_a_client_with_a_view_of_its_own_gets_questions_and_failures_as_events_alone(runner):
    async with open_editor(runner.folder, **runner.how(VSCODE)) as editor:
        runner.server.play(call("run_terminal_command", command="touch made"))
        runner.server.play("done")
        argument = {"agent": "runner", "streamToken": "s", "ownView": True}
        started = await editor.command("inhouse.run", argument)
        await editor.until(lambda: [e for e in editor.events("s") if e["kind"] == "question"])
        (question,) = (e for e in editor.events("s") if e["kind"] == "question")
        assert "touch made" in question["text"] + question.get("detail", "")
        assert question["safe"] == "Deny"
        allowed = {"questionId": question["questionId"], "choices": ["Run once"]}
        with suppress(ServerError):  # Within the moment in which nobody has read it.
            await editor.command("inhouse.answer", allowed)
        assert not (runner.folder / "made").exists()
        await asyncio.sleep(0.4)
        await editor.command("inhouse.answer", allowed)
        with pytest.raises(ServerError, match="already been answered"):
            await editor.command("inhouse.answer", allowed)
        await editor.ended(started["runId"])
        told = json.loads(runner.server.chats[-1].body["messages"][-1]["content"])
        assert told["exitCode"] == 0

        runner.server.default = [Hangup()]
        failing = await editor.command("inhouse.run", argument)
        assert (await editor.ended(failing["runId"]))["status"] == "failed"
        assert not editor.messages("window/showMessageRequest")
        assert not editor.messages("window/showMessage")


@pytest.mark.parametrize("client", [NEOVIM, VSCODE, HELIX])
async def test_the_question_about_trust_leads_to_what_changed_as_a_diff(project, client):
    project.agent("writer")
    opened: dict[str, str] = {}

    def show(params):
        path = Path(params["uri"].removeprefix("file://"))
        opened[path.name] = path.read_text("utf-8")
        return {"success": True}

    narrow = client is HELIX
    how = project.how(client)
    how["options"] = {"inhouse": project.settings}
    if narrow:
        how["clientInfo"] = HERE
    async with open_editor(project.folder, **how) as editor:
        editor.on["window/showDocument"] = show
        editor.on["window/showMessageRequest"] = lambda params: (
            RuntimeError("unhandled") if narrow else params["actions"][1]
        )
        project.server.play("done")
        started = await editor.command("inhouse.run", {"agent": "writer", "streamToken": "s"})
        if narrow:
            said = await editor.until(
                lambda: next(
                    (
                        one["message"]
                        for one in editor.messages("window/showMessage")
                        if "Trust the agents" in one["message"]
                    ),
                    None,
                )
            )
            assert len(said) <= 100
            assert "\n" not in said
            await asyncio.sleep(0.5)
            await editor.command("inhouse.answer", {"choices": ["Trust this workspace"]})
        await editor.ended(started["runId"])

    (text,) = opened.values()
    assert set(opened) == {"question.md" if narrow else "what-changed.diff"}
    assert "+++ now/.agents/writer.ts" in text
    assert '+  "id": "writer"' in text
