"""Settings from every source, live; agents from disk and from unsaved buffers."""

import asyncio

import pytest

from support.editor import EGLOT, NEOVIM, SILENCE, VSCODE, ServerError, open_editor


async def endpoint_names(editor):
    return sorted(each["name"] for each in await editor.command("inhouse.endpoints"))


async def until(what, seconds=15):
    end = asyncio.get_running_loop().time() + seconds
    while not (found := await what()):
        assert asyncio.get_running_loop().time() < end, "it never happened"
        await asyncio.sleep(0.03)
    return found


async def test_pulled_settings_win_over_initialization_options_and_change_live(project):
    extra = {"endpoints": {"pulled": {"baseUrl": "http://127.0.0.1:9/v1"}}}
    async with open_editor(project.folder, **project.how(NEOVIM)) as editor:
        assert await endpoint_names(editor) == ["test"]
        editor.on["workspace/configuration"] = lambda params: [extra]
        editor.notify("workspace/didChangeConfiguration", {"settings": None})

        async def changed():
            return await endpoint_names(editor) == ["pulled"]

        await until(changed)
        for odd in (None, [], [5], "x", RuntimeError("no"), SILENCE):
            editor.on["workspace/configuration"] = lambda _, odd=odd: odd
            editor.notify("workspace/didChangeConfiguration", {"settings": {}})
        assert await endpoint_names(editor)


async def test_a_client_that_pushes_settings_is_heard_too(project):
    async with open_editor(project.folder, **project.how({})) as editor:
        pushed = {"inhouse": {"endpoints": {"pushed": {"baseUrl": "http://127.0.0.1:9/v1"}}}}
        editor.notify("workspace/didChangeConfiguration", {"settings": pushed})

        async def changed():
            return await endpoint_names(editor) == ["pushed"]

        await until(changed)
        editor.notify("workspace/didChangeConfiguration", {"settings": {"other": 1}})
        editor.notify("workspace/didChangeConfiguration", {"settings": []})
        await asyncio.sleep(0.2)
        assert await endpoint_names(editor) == ["pushed"]


async def test_a_bad_value_is_reported_where_it_stands_and_costs_only_itself(project):
    path = project.file("inhouse.toml", 'privacy = "sometimes"\nmaxSteps = 7\n')
    project.settings["edits"] = "perhaps"
    async with open_editor(project.folder, **project.how(EGLOT)) as editor:
        await editor.until(lambda: editor.diagnostics(path.as_uri()))
        (problem,) = editor.diagnostics(path.as_uri())
        assert problem["range"]["start"]["line"] == 0
        assert "sometimes" in problem["message"]
        assert "local-only" in problem["message"]
        shown = [each["message"] for each in editor.messages("window/showMessage")]
        assert len([each for each in shown if "perhaps" in each]) == 1
        started = await editor.command("inhouse.run", {"agent": "writer"})
        assert (await editor.ended(started["runId"]))["status"] == "completed"

        path.write_text("maxSteps = 7\n")
        await editor.until(lambda: editor.diagnostics(path.as_uri()) == [])


@pytest.mark.parametrize("capabilities", [{}, VSCODE, NEOVIM])
async def test_agents_are_seen_as_they_come_change_and_go(project, capabilities):
    async with open_editor(project.folder, **project.how(capabilities)) as editor:

        async def ids():
            return [each["id"] for each in await editor.command("inhouse.agents")]

        assert await ids() == ["writer"]
        path = project.agent("reviewer")

        async def has_come():
            return "reviewer" in await ids()

        await until(has_come)
        path.unlink()

        async def has_gone():
            return "reviewer" not in await ids()

        await until(has_gone)


async def test_a_folder_of_agents_that_comes_later_is_seen(project):
    (project.folder / ".agents" / "writer.ts").unlink()
    (project.folder / ".agents").rmdir()
    async with open_editor(project.folder, **project.how({})) as editor:
        assert await editor.command("inhouse.agents") == []
        await asyncio.sleep(0.5)
        project.agent("late")

        async def has_come():
            return [each["id"] for each in await editor.command("inhouse.agents")] == ["late"]

        await until(has_come)


async def test_unsaved_text_of_a_definition_wins_and_its_problems_show_at_their_line(project):
    path = project.folder / ".agents" / "writer.ts"
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        uri = editor.open(path, language="typescript")
        editor.change(uri, editor.buffers[uri].replace('"writer"', '"renamed"'))

        async def ids():
            return [each["id"] for each in await editor.command("inhouse.agents")]

        async def is_renamed():
            return await ids() == ["renamed"]

        await until(is_renamed)
        editor.change(uri, editor.buffers[uri].replace('"model": "test-model",', '"model": 5,'))
        await editor.until(lambda: editor.diagnostics(uri))
        (problem, *_) = editor.diagnostics(uri)
        lines = editor.buffers[uri].splitlines()
        assert '"model": 5' in lines[problem["range"]["start"]["line"]]
        editor.close(uri)

        async def is_back():
            return await ids() == ["writer"]

        await until(is_back)
        await editor.until(lambda: editor.diagnostics(uri) == [])


async def test_no_endpoint_at_all_is_an_error_that_names_ways_to_get_one(project):
    project.settings.clear()
    async with open_editor(project.folder, **project.how({})) as editor:
        with pytest.raises(ServerError) as raised:
            await editor.command("inhouse.run", {"agent": "writer"})
        assert "three shortest ways" in str(raised.value)


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (401, {"error": {"message": "bad key"}}, "401"),
        (404, {"error": {"message": "model not found"}}, "test-model"),
        (200, "<html>a page</html>", "test"),
    ],
)
async def test_a_server_that_fails_is_told_to_the_user_and_the_server_goes_on(
    project, status, body, says
):
    project.server.fail(status, body)
    async with open_editor(project.folder, **project.how({})) as editor:
        started = await editor.command(
            "inhouse.run", {"agent": "writer", "workDoneToken": "bar", "streamToken": "s"}
        )
        result = await editor.ended(started["runId"])
        assert result["status"] == "failed"
        assert says in result["error"]["message"]
        assert "Traceback" not in result["error"]["message"]
        await editor.until(lambda: editor.messages("window/showMessage"))
        end = editor.progress("bar")[-1]
        assert end["message"].startswith("failed: ")
        assert editor.events("s")[-1]["kind"] == "finish"
        started = await editor.command("inhouse.run", {"agent": "writer"})
        assert (await editor.ended(started["runId"]))["status"] == "completed"
