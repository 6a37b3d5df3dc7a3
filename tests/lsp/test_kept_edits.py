"""Proposed edits come back after a restart or a crash, with their hunks."""

import pytest

from support.editor import VSCODE, open_editor
from support.model_server import call

LINES = [f"line {number}\n" for number in range(30)]


async def proposed(project, editor):
    """Have an agent propose changes of lines 3 and 20, and wait until they are on disk."""
    pairs = [{"oldString": f"line {n}\n", "newString": f"LINE {n}\n"} for n in (3, 20)]
    project.agent("fixer", "str_replace")
    project.server.play(call("str_replace", path="a.txt", replacements=pairs))
    started = await editor.command("inhouse.run", {"agent": "fixer"})
    await editor.ended(started["runId"])
    return await editor.command("inhouse.edits")


@pytest.mark.parametrize("end", ["leave", "kill"])
async def test_what_waits_comes_back_where_it_stands_now(project, end):
    path = project.file("a.txt", "".join(LINES))
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        before = await proposed(project, editor)
        if end == "kill":
            editor.process.kill()
            await editor.process.wait()
            (kept,) = project.home.rglob("waiting-edits/*/*.json")
            # As if it had died between taking over what another process left and forgetting that.
            kept.with_stem("another").write_bytes(kept.read_bytes())
    now = "above\n" + "".join(LINES).replace("line 20\n", "the user's\n")
    path.write_text(now)
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        after = await editor.command("inhouse.edits")
        told = [each["message"] for each in editor.messages("window/showMessage")]
        answer = await editor.command("inhouse.edits.apply", {})

        assert [each["id"] for each in after] == [each["id"] for each in before]
        assert [each["new"] for each in after] == ["LINE 3\n", "LINE 20\n"]
        assert [each["fits"] for each in after] == [True, False]
        assert after[0]["range"]["start"]["line"] == 4
        assert any("2 proposed changes wait" in message for message in told)
        assert answer["applied"] == [after[0]["id"]]
        assert editor.hidden[path.as_uri()] == now.replace("line 3\n", "LINE 3\n")
        await editor.command("inhouse.edits.reject", {})
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        assert await editor.command("inhouse.edits") == []


async def test_what_waits_in_another_window_stays_there(project):
    project.file("a.txt", "".join(LINES))
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        before = await proposed(project, editor)
        async with open_editor(project.folder, **project.how(VSCODE)) as second:
            assert await second.command("inhouse.edits") == []
        assert await editor.command("inhouse.edits") == before
