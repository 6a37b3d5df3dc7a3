"""Progress, cancelling and leaving: one begin, one end, and nothing left behind."""

import asyncio
import json
import os
import random
import signal
import sys

import psutil
import pytest

from support.editor import SILENCE, VSCODE, ServerError, open_editor, start_server
from support.model_server import Pause


def kinds(editor, token):
    return [value["kind"] for value in editor.progress(token)]


async def until_streaming(editor, token="s"):
    await editor.until(lambda: any(e["kind"] == "text" for e in editor.events(token)))


async def start_slow(project, editor, **more):
    project.server.play("some words ", Pause(60))
    started = await editor.command(
        "inhouse.run", {"agent": "writer", "streamToken": "s", **more.pop("argument", {})}, **more
    )
    await until_streaming(editor)
    return started["runId"]


async def until_closed(project, count=1):
    for _ in range(500):
        if project.server.closed >= count:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the connection to the model stayed open")


@pytest.mark.parametrize(
    ("capabilities", "argument", "params", "token"),
    [
        ({}, {}, {}, "inhouse-run-1"),
        ({}, {"workDoneToken": "mine"}, {}, "mine"),
        ({}, {}, {"workDoneToken": 77}, 77),
        (VSCODE, {}, {}, "inhouse-run-1"),
    ],
)
async def test_progress_begins_once_and_ends_once_for_every_client(
    project, capabilities, argument, params, token
):
    async with open_editor(project.folder, **project.how(capabilities)) as editor:
        started = await editor.command("inhouse.run", {"agent": "writer", **argument}, **params)
        await editor.ended(started["runId"])
        await editor.until(lambda: "end" in kinds(editor, token))

        begin, *_, end = editor.progress(token)
        assert begin["kind"] == "begin"
        assert begin["cancellable"] is True
        assert "percentage" not in begin
        assert begin["title"] == "writer on test"
        assert end["message"].startswith("completed in ")
        assert (kinds(editor, token).count("begin"), kinds(editor, token).count("end")) == (1, 1)
        created = editor.asked("window/workDoneProgress/create")
        assert created == ([{"token": token}] if capabilities else [])


async def test_a_token_that_the_client_refuses_or_never_answers_for_holds_nothing_up(project):
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        editor.on["window/workDoneProgress/create"] = lambda _: RuntimeError("no")
        started = await editor.command("inhouse.run", {"agent": "writer"})
        assert (await editor.ended(started["runId"]))["status"] == "completed"
        assert kinds(editor, "inhouse-run-1") == []
        editor.on["window/workDoneProgress/create"] = lambda _: SILENCE
        started = await editor.command("inhouse.run", {"agent": "writer"})
        assert (await editor.ended(started["runId"]))["status"] == "completed"
        await editor.until(lambda: kinds(editor, "inhouse-run-2") == ["begin", "end"])


async def test_cancelling_by_progress_command_lens_and_action_is_all_the_same(project):
    path = project.file("a.py", "x = 1\n")
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        uri = editor.open(path)

        async def by_progress(run_id):
            editor.notify("window/workDoneProgress/cancel", {"token": "bar"})

        async def by_command(run_id):
            assert await editor.command("inhouse.cancel") == {"cancelled": [run_id]}

        async def by_lens(run_id):
            lenses = await editor.request("textDocument/codeLens", {"textDocument": {"uri": uri}})
            commands = [lens["command"] for lens in lenses]
            (cancel,) = [each for each in commands if each["title"] == "Cancel"]
            assert any("writing" in each["title"] for each in commands)
            await editor.command(cancel["command"], *cancel["arguments"])

        async def by_action(run_id):
            where = {"line": 0, "character": 0}
            actions = await editor.request(
                "textDocument/codeAction",
                {
                    "textDocument": {"uri": uri},
                    "range": {"start": where, "end": where},
                    "context": {"diagnostics": []},
                },
            )
            (cancel,) = [each["command"] for each in actions if "Cancel writer" in each["title"]]
            await editor.command(cancel["command"], *cancel["arguments"])

        for count, way in enumerate((by_progress, by_command, by_lens, by_action), 1):
            editor.notifications.clear()
            run_id = await start_slow(project, editor, argument={"uri": uri}, workDoneToken="bar")
            await way(run_id)
            await until_closed(project, count)
            await editor.until(lambda: "end" in kinds(editor, "bar"))
            result = await editor.command("inhouse.result", {"runId": run_id})
            assert (result["status"], result["stopReason"]) == ("cancelled", "cancelled")
            assert result["text"] == "some words "
            assert kinds(editor, "bar").count("end") == 1
            finishes = [event for event in editor.events("s") if event["kind"] == "finish"]
            assert [each["result"]["status"] for each in finishes] == ["cancelled"]
            assert await editor.command("inhouse.cancel", {"runId": run_id}) == {"cancelled": []}


async def test_shutdown_ends_each_run_before_it_answers(project):
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        await start_slow(project, editor, workDoneToken="bar")
        assert await editor.request("shutdown", None) is None

        await until_closed(project)
        assert kinds(editor, "bar").count("end") == 1
        assert editor.events("s")[-1]["kind"] == "finish"
        with pytest.raises(ServerError) as refused:
            await editor.command("inhouse.runs")
        assert refused.value.code == -32600
        editor.notify("exit", None)
        assert await asyncio.wait_for(editor.process.wait(), 10) == 0


@pytest.mark.parametrize("way", ["exit", "eof", "killed client", "SIGTERM"])
async def test_a_client_that_just_goes_leaves_no_process_and_no_connection(project, way):
    client = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=-1)
    how = project.how(VSCODE, processId=client.pid)
    async with open_editor(project.folder, **how) as editor:
        await start_slow(project, editor)
        children = psutil.Process(editor.process.pid).children(recursive=True)
        match way:
            case "exit":
                editor.notify("exit", None)
            case "eof":
                editor.writer.close()
            case "killed client":
                await asyncio.sleep(2.5)  # It looks every two seconds.
                client.kill()
            case _:
                os.kill(editor.process.pid, signal.SIGTERM)

        status = await asyncio.wait_for(editor.process.wait(), 15)
        assert status == {"SIGTERM": 0}.get(way, 1)
        await until_closed(project)
        assert [child for child in children if child.is_running()] == []
    if client.returncode is None:
        client.kill()
    await client.wait()


async def test_leaving_before_anything_was_said(project):
    for messages, status in (((), 1), (("exit",), 1)):
        async with start_server(environ=project.environ) as editor:
            for method in messages:
                editor.notify(method, None)
            if not messages:
                editor.writer.close()
            assert await asyncio.wait_for(editor.process.wait(), 15) == status


async def test_what_comes_out_of_turn_gets_an_error_and_the_server_goes_on(project):
    async with start_server(environ=project.environ) as editor:
        with pytest.raises(ServerError) as early:
            await editor.command("inhouse.runs")
        assert early.value.code == -32002
        editor.writer.write(b"Content-Length: 3\r\n\r\nfoo")
        await editor.until(lambda: [n for n in editor.notifications if n["method"] == "?"])
        assert editor.notifications[0]["params"]["error"]["code"] == -32700
        odd = {"window": "odd", "workspace": {"applyEdit": True}, "general": {"markdown": 7}}
        await editor.initialize(project.folder, odd, project.options)
        with pytest.raises(ServerError) as twice:
            await editor.request("initialize", {})
        assert twice.value.code == -32600
        with pytest.raises(ServerError) as wrong:
            await editor.request("textDocument/codeLens", {"textDocument": 5})
        assert wrong.value.code == -32602
        with pytest.raises(ServerError) as unknown:
            await editor.request("textDocument/nothing", {})
        assert unknown.value.code == -32601
        editor.notify("textDocument/didChange", {"odd": True})
        editor.notify("$/setTrace", {"value": "off"})
        editor.notify("$/cancelRequest", {"id": 99})
        assert await editor.command("inhouse.runs") == []
        assert await editor.leave() == 0
        assert b"Traceback" not in editor.stderr


async def test_an_editor_that_stops_reading_holds_up_nothing(project):
    chance = random.Random(14)  # What repeats itself would be stopped.
    words = [f"{chance.randbytes(500).hex()} " for _ in range(2000)]
    project.server.play(*words)
    async with open_editor(project.folder, **project.how({})) as editor:
        await editor.command("inhouse.agents")
        editor.reading.clear()
        editor.reader._transport.pause_reading()  # Nor is the pipe emptied for it.
        for chats, token in enumerate(("s", "t"), 1):  # Nor does it hold up what it asks for next.
            argument = {"agent": "writer", "streamToken": token}
            params = {"command": "inhouse.run", "arguments": [argument]}
            method = "workspace/executeCommand"
            editor.send({"jsonrpc": "2.0", "id": token, "method": method, "params": params})
            for _ in range(600):  # The whole answer is taken from the model all the same.
                if len(project.server.chats) == chats and project.server.answered:
                    break
                await asyncio.sleep(0.05)
            else:
                raise AssertionError("the server waits for an editor that does not read")
        memory = psutil.Process(editor.process.pid).memory_info().rss
        editor.reader._transport.resume_reading()
        editor.reading.set()
        await editor.until(
            lambda: any(event["kind"] == "finish" for event in editor.events("s")), seconds=40
        )

        text = "".join(e["delta"] for e in editor.events("s") if e["kind"] == "text")
        assert text == "".join(words)
        seqs = [event["seq"] for event in editor.events("s")]
        assert seqs == list(range(len(seqs)))
        assert memory < 400 << 20


@pytest.mark.parametrize("wanted", [True, False])
async def test_a_client_that_shows_no_words_is_sent_none(project, wanted):
    project.server.play("Some ", "words.")
    async with open_editor(project.folder, **project.how({})) as editor:
        await editor.command(
            "inhouse.run", {"agent": "writer", "streamToken": "s", "streamText": wanted}
        )
        await editor.until(lambda: any(e["kind"] == "finish" for e in editor.events("s")))

        events = editor.events("s")
        assert any(event["kind"] == "text" for event in events) is wanted
        assert {"start", "usage", "finish"} <= {event["kind"] for event in events}
        assert [event["seq"] for event in events] == list(range(len(events)))
        assert events[-1]["result"]["text"] == "Some words."


async def test_two_editors_on_one_port_do_not_disturb_each_other(project):
    async with start_server("--tcp", "127.0.0.1:0", environ=project.environ) as process:
        for _ in range(500):
            if b"listening on" in process.stderr:
                break
            await asyncio.sleep(0.02)
        port = int(process.stderr.split(b"listening on 127.0.0.1:")[1].split()[0])
        from support.editor import Editor

        editors = []
        for _ in range(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 26)
            editor = Editor(None, reader, writer)
            editor.task = asyncio.create_task(editor.listen())
            await editor.initialize(project.folder, {}, project.options)
            editors.append(editor)
        first, second = editors
        run_id = await start_slow(project, first)
        assert await second.command("inhouse.runs") == []
        first.writer.close()  # It just goes.
        await until_closed(project)
        started = await second.command("inhouse.run", {"agent": "writer"})
        assert (await second.ended(started["runId"]))["status"] == "completed"
        assert run_id
        for editor in editors:
            editor.task.cancel()
            editor.writer.close()
        os.kill(process.process.pid, signal.SIGTERM)
        await process.process.wait()


async def test_a_request_is_answered_even_when_its_arguments_look_like_json_rpc(project):
    async with open_editor(project.folder, **project.how({})) as editor:
        params = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "nested": [{"result": 1}]}
        started = await editor.command("inhouse.run", {"agent": "writer", "params": params})
        assert (await editor.ended(started["runId"]))["status"] == "completed"
        assert json.dumps(params)
