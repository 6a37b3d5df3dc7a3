"""The tool `diagnostics`: what other servers report, where the client offers to tell."""

import json

from support.editor import HELIX, VSCODE, open_editor
from support.model_server import call


def told(project):
    """What the model read as the result of its call."""
    messages = project.server.chats[-1].body["messages"]
    return json.loads(next(each["content"] for each in messages if each["role"] == "tool"))


def unused(line):
    where = {"start": {"line": line, "character": 0}, "end": {"line": line, "character": 1}}
    return {"range": where, "severity": 2, "source": "ruff", "code": "F401", "message": "unused"}


async def run(project, editor):
    started = await editor.command("inhouse.run", {"agent": "checker"})
    return await editor.ended(started["runId"])


async def test_what_other_servers_report_reaches_the_model_but_not_of_secret_files(project):
    project.agent("checker", "diagnostics")
    path, secret = project.file("a.py", "import os\n"), project.file(".env", "KEY=canary\n")
    project.server.play(call("diagnostics"))
    project.server.play("Seen.")
    options = {**project.options, "offers": ["diagnostics"]}
    asked = []

    async with open_editor(project.folder, **{**project.how(VSCODE), "options": options}) as editor:
        editor.on["inhouse/diagnostics"] = lambda params: (
            asked.append(params)
            or [
                {"uri": path.as_uri(), "diagnostics": [unused(0)]},
                {"uri": secret.as_uri(), "diagnostics": [{"message": "canary"}]},
            ]
        )
        result = await run(project, editor)

    assert result["status"] == "completed", result
    assert asked == [{}]
    (found,) = told(project)["diagnostics"]
    assert found == {
        "path": "a.py",
        "line": 1,
        "severity": "warning",
        "source": "ruff",
        "code": "F401",
        "message": "unused",
    }


async def test_one_file_is_asked_for_by_its_address(project):
    project.agent("checker", "diagnostics")
    path = project.file("a.py", "import os\n")
    project.server.play(call("diagnostics", path="a.py"))
    options = {**project.options, "offers": ["diagnostics"]}
    asked = []

    async with open_editor(project.folder, **{**project.how(VSCODE), "options": options}) as editor:
        editor.on["inhouse/diagnostics"] = asked.append
        await run(project, editor)

    assert asked == [{"uri": path.as_uri()}]


async def test_a_client_that_offers_nothing_is_not_asked_and_the_model_is_told(project):
    project.agent("checker", "diagnostics")
    project.server.play(call("diagnostics"))
    async with open_editor(project.folder, **project.how(HELIX)) as editor:
        await run(project, editor)

        assert editor.asked("inhouse/diagnostics") == []
    assert "Nothing here can tell" in told(project)["message"]
