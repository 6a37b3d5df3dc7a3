"""Progress and transcript say what a run does: its commands, its list, its sub-agents."""

import json

import pytest

from inhouse.core.events import (
    Notice,
    RunEvent,
    TextDelta,
    ToolFinished,
    ToolOutput,
    ToolStarted,
)
from inhouse.lsp.runs.active_runs import RunActivity, todos_of
from support.editor import NEOVIM, VSCODE, open_editor
from support.model_server import Pause, call


def told(*events):
    doing = RunActivity("r")
    for run_id, agent, payload, parent in events:
        doing.watch(RunEvent(run_id, agent, payload, parent))
    return str(doing)


def test_sub_agents_are_a_tree():
    begun = [
        ("r", "boss", ToolStarted("1", "spawn_agents", {}), None),
        ("k1", "kid", ToolStarted("2", "code_search", {}), "r"),
        ("k2", "picker", TextDelta("x"), "r"),
        ("g", "grandkid", ToolStarted("3", "read_files", {}), "k2"),
    ]

    assert told(*begun) == (
        "spawn_agents [kid: code_search; picker: writing [grandkid: read_files]]"
    )
    assert told(*begun, ("r", "boss", Notice("info", "x", "hm"), None)).startswith("hm [kid")


def test_the_list_and_the_end_of_what_a_command_prints_are_told():
    todos = {"todos": [{"task": "a", "completed": True}, {"task": "b\nc", "completed": False}]}

    assert (
        told(
            ("r", "boss", ToolStarted("1", "write_todos", todos), None),
            ("r", "boss", ToolFinished("1", ok=True, summary=""), None),
            ("r", "boss", ToolStarted("2", "run_terminal_command", {}), None),
            ("r", "boss", ToolOutput("2", "x" * 100 + "\nstep 7\n"), None),
        )
        == f"run_terminal_command (1/2 done, next: b c): …{'x' * 72} step 7"
    )


@pytest.mark.parametrize(
    "given", [None, [], "x", {}, {"todos": 5}, {"todos": [None, {}, {"task": 1, "completed": 2}]}]
)
def test_a_list_that_is_none_is_left_alone(given):
    assert todos_of(given) == []


@pytest.mark.parametrize("client", [VSCODE, NEOVIM])
async def test_an_editor_sees_the_tree_the_list_and_live_output(project, client):
    project.settings |= {"commands": "allow-listed", "allowedCommands": ["sh work.sh"]}
    project.file("work.sh", "echo at work; sleep 1.5; echo over\n")
    project.agent("boss", "spawn_agents", "write_todos", spawnableAgents=["worker"], model="b")
    project.agent("worker", "run_terminal_command", model="w")
    todos = [{"task": "first", "completed": True}, {"task": "second", "completed": False}]
    project.server.play(
        call("write_todos", todos=todos),
        call("spawn_agents", agents=[{"agent_type": "worker", "prompt": "go"}]),
        model="b",
    )
    project.server.play(call("run_terminal_command", command="sh work.sh"), Pause(0.2), model="w")
    async with open_editor(project.folder, **project.how(client)) as editor:
        started = await editor.command(
            "inhouse.run", {"agent": "boss", "prompt": "go", "workDoneToken": "t"}
        )

        def reports():
            return [each.get("message", "") for each in editor.progress("t")]

        await editor.until(lambda: any("worker: run_terminal_command" in m for m in reports()))
        result = await editor.ended(started["runId"])
        transcript = await editor.command("inhouse.transcript", {"runId": started["runId"]})

        assert result["status"] == "completed", result
        tree = next(m for m in reports() if "worker: run_terminal_command" in m)
        assert tree == "spawn_agents [worker: run_terminal_command] (1/2 done, next: second)"
        if client is VSCODE:
            text = await editor.request("workspace/textDocumentContent", transcript)
            assert "  - [x] first\n  - [ ] second\n" in text["text"]
            assert "```\nat work\nover\n\n```\n" in text["text"]
        assert "at work" in json.dumps([chat.body for chat in project.server.chats])
