"""A buffer that is no file reaches the model, or the command says that it cannot."""

import pytest

from support.editor import VSCODE, ServerError, open_editor


async def test_an_untitled_buffer_reaches_the_model_or_is_refused(project):
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        uri = "untitled:Untitled-1"
        item = {"uri": uri, "languageId": "python", "version": 0, "text": "one\ntwo = 2\n"}
        editor.notify("textDocument/didOpen", {"textDocument": item})
        second = {"start": {"line": 1, "character": 0}, "end": {"line": 1, "character": 7}}
        started = await editor.command(
            "inhouse.run", {"agent": "writer", "prompt": "Why?", "uri": uri, "range": second}
        )
        await editor.ended(started["runId"])

        sent = str(project.server.chats[-1].body["messages"])
        assert "Why?" in sent
        assert "untitled:Untitled-1 (lines 2 to 2)" in sent
        assert "two = 2" in sent
        assert "one\\n" not in sent
        for missing in ("vscode-notebook-cell:/w/a.ipynb#W0", "untitled://[abc"):
            with pytest.raises(ServerError, match="cannot see it"):
                await editor.command("inhouse.run", {"agent": "writer", "uri": missing})


@pytest.mark.parametrize(
    "uri",
    ["git:/w/.env?HEAD", "memfs:/w/%2Eenv", "zip:///w/x.zip/.ssh/known", "untitled:id_rsa"],
)
async def test_a_buffer_with_the_name_of_a_secret_is_not_sent(project, uri):
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        item = {"uri": uri, "languageId": "text", "version": 0, "text": "canary\n"}
        editor.notify("textDocument/didOpen", {"textDocument": item})
        with pytest.raises(ServerError, match="no agent may read"):
            await editor.command("inhouse.run", {"agent": "writer", "prompt": "Why?", "uri": uri})

    assert project.server.chats == []
