"""The embedded model itself calls a tool, and its edit is reviewed and applied in the editor."""

import pytest

from support.editor import VSCODE, open_editor
from support.gguf import gguf  # noqa: F401  # a fixture

TEXT = "I like teh cat.\r\nThe last line has no end 😀"


@pytest.mark.model
@pytest.mark.timeout(180)
async def test_the_real_model_edits_a_file_and_the_user_applies_it(project, gguf):  # noqa: F811
    """Nothing is scripted: a schema makes the call well-formed, the model says what is in it."""
    project.agent(
        "fixer", "str_replace", instructionsPrompt="", systemPrompt="You edit files.", model="local"
    )
    project.settings |= {
        "endpoints": {"own": {"kind": "embedded", "modelPath": str(gguf), "tools": "schema"}},
        "defaultEndpoint": "own",
        "maxSteps": 1,  # One answer is enough; a model this small finds no end.
        "privacy": "local-only",
    }
    path = project.file("note.txt", TEXT)
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        uri = editor.open(path)
        started = await editor.command(
            "inhouse.run",
            {
                "agent": "fixer",
                "prompt": 'In note.txt, replace "teh" with "the".',
                "streamToken": "s",
            },
        )
        result = await editor.ended(started["runId"], seconds=150)

        assert (result["status"], result["edits"]) == (
            "completed",
            [{"uri": uri, "state": "proposed"}],
        ), result
        assert result["usage"]["outputTokens"] > 0
        (called,) = [event for event in editor.events("s") if event["kind"] == "tool_call"]
        assert called["tool"] == "str_replace"
        assert editor.buffers[uri] == TEXT, "a proposal changes nothing"
        await editor.until(lambda: editor.diagnostics(uri))
        preview = await editor.command("inhouse.edits.preview", {"uri": uri})

        await editor.command("inhouse.edits.apply", {"uri": uri})

        assert editor.buffers[uri] == preview["proposed"] != TEXT
        for replacement in called["input"]["replacements"]:
            assert replacement["newString"] in editor.buffers[uri]
        assert editor.buffers[uri].endswith("\r\nThe last line has no end 😀")
        assert len(editor.undo[uri]) == 1
        assert path.read_bytes().decode() == TEXT, "written behind the editor's back"
        result = await editor.command("inhouse.result", {"runId": started["runId"]})
        assert result["edits"] == [{"uri": uri, "state": "applied"}]
        assert project.server.requests == []
