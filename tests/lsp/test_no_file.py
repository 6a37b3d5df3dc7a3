"""A buffer that is no file reaches the model, or the command says that it cannot."""

import pytest

from support.editor import VSCODE, ServerError, open_editor
from support.model_server import call


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


@pytest.fixture
def nowhere(project, tmp_path):
    """A window without a folder, started in a home with something private in it."""
    home = tmp_path / "user"
    (home / "notes").mkdir(parents=True)
    (home / "diary.txt").write_text("the private words\n")
    (home / "notes" / "today.md").write_text("the words of today\n")
    more = {"rootUri": None, "workspaceFolders": None}
    environ = {**project.environ, "HOME": str(home)}
    within = ("env", "-C", str(home))
    return home, project.how(VSCODE, **more) | {"environ": environ, "within": within}


def tries_to_read(server):
    server.play(call("list_directory", path="."))
    server.play(call("read_files", paths=["diary.txt", "notes/today.md", "today.md"]))
    server.play(call("code_search", pattern="words"))
    server.play("That is all.")


async def answered(project, how, *, opened=None, **argument):
    """What the model was sent."""
    tries_to_read(project.server)
    async with open_editor(project.folder, **how) as editor:
        if opened is not None:
            argument["uri"] = editor.open(opened, language="markdown")
        started = await editor.command(
            "inhouse.run", {"agent": "ask", "prompt": "hi", "showTranscript": True, **argument}
        )
        result = await editor.ended(started["runId"])
    assert result["text"] == "That is all."
    return str([request.body for request in project.server.chats])


async def test_without_a_folder_an_agent_sees_nothing_of_the_home(project, nowhere):
    _, how = nowhere
    sent = await answered(project, how, prompt="hi @diary.txt")
    assert "private words" not in sent
    assert "words of today" not in sent


async def test_without_a_folder_an_agent_sees_the_folder_of_the_file_that_it_was_started_on(
    project, nowhere
):
    home, how = nowhere
    sent = await answered(project, how, uri=(home / "notes" / "today.md").as_uri())
    assert "words of today" in sent
    assert "private words" not in sent


async def test_without_a_folder_what_an_agent_proposes_for_its_file_is_applied(project, nowhere):
    home, how = nowhere
    file = home / "notes" / "today.md"
    change = {"oldString": "words", "newString": "deeds"}
    project.server.play(call("str_replace", path="today.md", replacements=[change]))
    project.server.play("Changed.")
    async with open_editor(project.folder, **how) as editor:
        argument = {"agent": "edit", "prompt": "hi", "uri": file.as_uri(), "session": "new"}
        started = await editor.command("inhouse.run", argument)
        result = await editor.ended(started["runId"])
        told = await editor.command("inhouse.edits.apply", {})
    assert result["edits"] == [{"uri": file.as_uri(), "state": "proposed"}]
    assert told == {"applied": ["edit-1.1"], "problems": []}


@pytest.mark.parametrize("tool", ["write_file", "propose_write_file", "run_terminal_command"])
async def test_without_a_folder_no_file_is_proposed_and_the_agent_is_told_why(
    project, nowhere, tool
):
    home, how = nowhere
    how["environ"]["XDG_CACHE_HOME"] = str(home / "cache")
    project.settings["commands"] = "allow"
    project.agent("maker", tool).parent.rename(home / ".agents")
    if tool == "run_terminal_command":
        project.server.play(call(tool, command="echo 1 > new.py"))
    else:
        project.server.play(call(tool, path="new.py", instructions="new", content="1\n"))
    project.server.play("Please open a folder.")
    async with open_editor(project.folder, **how) as editor:
        editor.on["window/showMessageRequest"] = lambda params: params["actions"][1]
        argument = {"agent": "maker", "prompt": "hi", "session": "new", "streamToken": "s"}
        started = await editor.command("inhouse.run", argument)
        result = await editor.ended(started["runId"])
        assert await editor.command("inhouse.edits") == []
    assert result["status"] == "completed", result
    assert result["edits"] == []
    assert list(home.rglob("new.py")) == []
    assert "No folder is open" in str(project.server.chats[-1].body["messages"])
    if tool != "run_terminal_command":
        (told,) = [each for each in editor.events("s") if each["kind"] == "tool_result"]
        assert not told["ok"]
        assert told["summary"].startswith("No folder is open, so there is no place for a file.")


async def test_a_file_that_lies_in_the_home_itself_does_not_open_the_home(project, nowhere):
    home, how = nowhere
    (home / "todo.md").write_text("- buy milk\n")
    sent = await answered(project, how, opened=home / "todo.md")
    assert "buy milk" in sent
    assert "private words" not in sent
    assert "words of today" not in sent
