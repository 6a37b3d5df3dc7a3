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
            found = await editor.command("inhouse.agents")
            return [each["id"] for each in found if not each["onBoard"]]

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

        async def ids():
            found = await editor.command("inhouse.agents")
            return [each["id"] for each in found if not each["onBoard"]]

        assert await ids() == []
        await asyncio.sleep(0.5)
        project.agent("late")

        async def has_come():
            return await ids() == ["late"]

        await until(has_come)


async def test_unsaved_text_of_a_definition_wins_and_its_problems_show_at_their_line(project):
    path = project.folder / ".agents" / "writer.ts"
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        uri = editor.open(path, language="typescript")
        editor.change(uri, editor.buffers[uri].replace('"writer"', '"renamed"'))

        async def ids():
            found = await editor.command("inhouse.agents")
            return [each["id"] for each in found if not each["onBoard"]]

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
        assert "three ways" in str(raised.value)


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


async def test_a_folder_that_joins_the_workspace_brings_its_agents(project, tmp_path):
    other = (tmp_path / "other").resolve()
    (other / ".agents").mkdir(parents=True)
    (other / ".agents" / "guest.ts").write_text(
        'export default { id: "guest", displayName: "Guest", model: "m" }\n'
    )
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        event = {"added": [{"uri": other.as_uri(), "name": "other"}], "removed": []}
        editor.notify("workspace/didChangeWorkspaceFolders", {"event": event})

        async def has_come():
            return "guest" in [each["id"] for each in await editor.command("inhouse.agents")]

        await until(has_come)


async def test_a_workspace_that_nobody_decided_on_is_asked_for_once(project):
    how = project.how(VSCODE, options={"inhouse": project.settings})
    async with open_editor(project.folder, **how) as editor:
        editor.on["window/showMessageRequest"] = lambda params: params["actions"][1]
        for _ in range(2):
            started = await editor.command("inhouse.run", {"agent": "writer"})
            assert (await editor.ended(started["runId"]))["status"] == "completed"
        (question,) = editor.asked("window/showMessageRequest")
        assert "writer.ts" in question["message"]


async def test_a_workspace_that_the_client_does_not_trust_runs_nothing(project):
    how = project.how(VSCODE, options={"inhouse": project.settings, "trusted": False})
    async with open_editor(project.folder, **how) as editor:
        with pytest.raises(ServerError) as raised:
            await editor.command("inhouse.run", {"agent": "writer"})
        assert raised.value.code == -32803
        assert "trust" in str(raised.value).lower()
        assert project.server.requests == []


async def test_a_setting_that_is_taken_back_is_gone(project):
    async with open_editor(project.folder, **project.how(NEOVIM)) as editor:
        await editor.command("inhouse.agents")
        first = dict(project.settings)
        editor.on["workspace/configuration"] = lambda _: [first]
        count = len(editor.asked("workspace/configuration"))
        editor.notify("workspace/didChangeConfiguration", {"settings": None})
        await editor.until(lambda: len(editor.asked("workspace/configuration")) > count)
        second = {key: value for key, value in first.items() if key != "defaultEndpoint"}
        editor.on["workspace/configuration"] = lambda _: [second]
        editor.notify("workspace/didChangeConfiguration", {"settings": None})

        async def gone():
            try:
                await editor.command("inhouse.explain", {"agent": "writer"})
            except ServerError:
                return True
            return False

        await until(gone)


async def test_a_state_folder_that_cannot_be_used_is_told_and_mended_without_a_restart(project):
    blocked = project.home / "blocked"
    blocked.write_text("a file where a folder should be")
    environ = project.environ | {"INHOUSE_HOME": str(blocked)}
    async with open_editor(project.folder, **project.how(NEOVIM, environ=environ)) as editor:
        for _ in range(2):
            with pytest.raises(ServerError, match="INHOUSE_HOME"):
                await editor.command("inhouse.run", {"agent": "writer"})
        assert "INHOUSE_HOME" in editor.messages("window/showMessage")[0]["message"]
        blocked.unlink()
        started = await editor.command("inhouse.run", {"agent": "writer"})
        assert (await editor.ended(started["runId"]))["status"] == "completed"
