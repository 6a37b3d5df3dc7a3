"""What a user sees and is asked: transcripts, questions, launchers, prompt comments."""

import asyncio
import threading
import time
from pathlib import Path

import pytest

from inhouse.definitions.catalog.folders import ON_BOARD
from inhouse.lsp.transport.client import to_path
from inhouse.store.database import Database
from inhouse.store.transcripts import TranscriptStore
from support.editor import EGLOT, HELIX, NEOVIM, SILENCE, VSCODE, ServerError, open_editor
from support.model_server import Pause, Reasoning, call

HERE = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}}


async def actions(editor, uri, where=HERE, **context):
    return await editor.request(
        "textDocument/codeAction",
        {
            "textDocument": {"uri": uri},
            "range": where,
            "context": {"diagnostics": [], **context},
        },
    )


async def test_a_virtual_transcript_refreshes_and_holds_the_text_exactly(project):
    text = "# Äh 😀\r\n\n```\ncode\n```\ntrailing  \n"
    project.server.play(Reasoning("hm, hm"), text[:9], Pause(0.4), text[9:])
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        provider = editor.result["capabilities"]["workspace"]["textDocumentContent"]
        assert "inhouse-run" in provider["schemes"]
        started = await editor.command(
            "inhouse.run", {"agent": "writer", "prompt": "why?", "showTranscript": True}
        )
        uri = f"inhouse-run:/{started['runId']}.md"
        await editor.until(lambda: editor.asked("window/showDocument"))
        assert editor.asked("window/showDocument")[0]["uri"] == uri
        await editor.request("workspace/textDocumentContent", {"uri": uri})
        await editor.until(lambda: editor.asked("workspace/textDocumentContent/refresh"))
        await editor.ended(started["runId"])

        whole = (await editor.request("workspace/textDocumentContent", {"uri": uri}))["text"]
        assert text in whole
        assert whole.startswith("# writer\n\n> why?\n\ntest-model on test")
        assert "<details>\n<summary>Thinking</summary>\n\nhm, hm\n\n</details>" in whole
        assert "**completed** in " in whole
        assert f"- 127.0.0.1:{project.server.port} (127.0.0.1, local)" in whole
        with pytest.raises(ServerError):
            await editor.request("workspace/textDocumentContent", {"uri": "inhouse-run:/x.md"})
        with pytest.raises(ServerError, match="There is no transcript of run 'run-99'"):
            await editor.command("inhouse.transcript", {"runId": "run-99"})


async def test_a_virtual_transcript_that_nobody_reads_is_not_refreshed_again_and_again(project):
    said = [threading.Event() for _ in range(3)]
    waits = [Pause(60, event) for event in said]
    project.server.play("one ", waits[0], "two ", waits[1], "three ", waits[2], "four")
    refresh = "workspace/textDocumentContent/refresh"
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        started = await editor.command("inhouse.run", {"agent": "writer", "streamToken": "s"})
        uri = {"uri": f"inhouse-run:/{started['runId']}.md"}

        def streamed(word):
            return any(word in event.get("delta", "") for event in editor.events("s"))

        async def text():
            return (await editor.request("workspace/textDocumentContent", uri))["text"]

        await editor.until(lambda: streamed("one"))
        assert "one" in await text()
        said[0].set()
        await editor.until(lambda: editor.asked(refresh))
        said[1].set()
        await editor.until(lambda: streamed("three"))
        await asyncio.sleep(0.5)
        assert len(editor.asked(refresh)) == 1, "a tab that is behind others is not read"
        assert "one two three" in await text()
        said[2].set()
        await editor.until(lambda: len(editor.asked(refresh)) > 1)
        await editor.ended(started["runId"])
        assert "**completed** in " in await text()


async def test_the_more_runs_stream_the_less_often_each_is_displayed(project):
    runs, enough = 20, threading.Event()
    refresh = "workspace/textDocumentContent/refresh"
    for _ in range(runs):
        project.server.play(*(["word ", Pause(0.02)] * 200), Pause(60, enough))
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        started, tokens = [], [f"progress-{number}" for number in range(runs)]

        def read(params):
            reading.append(
                asyncio.ensure_future(editor.request("workspace/textDocumentContent", params))
            )

        reading, editor.on[refresh] = [], read
        for token in tokens:
            argument = {"agent": "writer", "workDoneToken": token, "streamToken": f"s-{token}"}
            started.append(await editor.command("inhouse.run", argument | {"streamText": False}))
        for run in started:
            read({"uri": f"inhouse-run:/{run['runId']}.md"})

        def reports():
            return sum(
                value["kind"] == "report" for token in tokens for value in editor.progress(token)
            )

        await editor.until(lambda: reports() > runs)
        before, begun, refreshed = reports(), time.monotonic(), len(editor.asked(refresh))
        await asyncio.sleep(2)
        seen, refreshes = reports() - before, len(editor.asked(refresh)) - refreshed
        seconds = time.monotonic() - begun

        typed, before_typing = time.monotonic(), reports()
        notes = editor.open(project.folder / "notes.md", "")
        for number in range(30):
            editor.change(notes, "x" * number)
            await asyncio.sleep(0.1)
        beside_typing, typing = reports() - before_typing, time.monotonic() - typed

        enough.set()
        for run in started:
            await editor.ended(run["runId"])
        assert runs < seen <= 40 * seconds + runs, "two a second each, not ten"
        assert runs < refreshes <= 40 * seconds + runs
        assert 0 < beside_typing <= 10 * typing + runs, "every two seconds, if somebody types"
        await asyncio.gather(*reading)


@pytest.mark.parametrize("buffer_is_open", [True, False])
async def test_elsewhere_a_transcript_is_a_file_that_grows_or_the_buffer_that_shows_it(
    project, buffer_is_open
):
    text = "one\r\ntwo 😀\nthree"
    project.server.play(text[:5], Pause(0.5), text[5:9], Pause(0.5), text[9:])
    async with open_editor(project.folder, **project.how(NEOVIM)) as editor:
        started = await editor.command("inhouse.run", {"agent": "writer"})
        shown = await editor.command("inhouse.transcript", {"runId": started["runId"]})
        path = to_path(shown["uri"])
        await editor.until(lambda: editor.asked("window/showDocument"))
        assert path.is_relative_to(project.home)
        if buffer_is_open:
            uri = editor.open(path, language="markdown")
        await editor.ended(started["runId"])
        for _ in range(300):
            whole = editor.buffers[uri] if buffer_is_open else path.read_bytes().decode()
            if "Hosts contacted" in whole:
                break
            await asyncio.sleep(0.02)

        assert text in whole
        assert whole.rstrip().endswith("received")
        assert whole.count("# writer") == 1


@pytest.mark.parametrize("capabilities", [VSCODE, NEOVIM], ids=["virtual", "file"])
async def test_the_transcript_of_an_earlier_servers_run_opens(project, capabilities):
    project.server.play("Said before ", "the restart.")
    async with open_editor(project.folder, **project.how(capabilities)) as editor:
        started = await editor.command("inhouse.run", {"agent": "writer", "prompt": "why?"})
        await editor.ended(started["runId"])
    async with open_editor(project.folder, **project.how(capabilities)) as editor:
        assert await editor.command("inhouse.runs") == []
        (listed,) = await editor.command("inhouse.runs", {"earlier": True, "limit": 1})
        assert listed["runId"] == started["runId"]
        assert (listed["prompt"], listed["status"]) == ("why?", "completed")

        for argument in ({"runId": started["runId"]}, {}):
            uri = (await editor.command("inhouse.transcript", argument))["uri"]
            await editor.until(lambda: editor.asked("window/showDocument"))
            assert editor.asked("window/showDocument")[-1]["uri"] == uri
            if capabilities is VSCODE:
                text = (await editor.request("workspace/textDocumentContent", {"uri": uri}))["text"]
            else:
                text = to_path(uri).read_text("utf-8")
            assert "Said before the restart." in text
            assert "**completed** in " in text


async def cut_off(project, editor):
    """Kill the server in the middle of an answer, once its first words are kept."""
    started = await editor.command("inhouse.run", {"agent": "writer"})
    store = TranscriptStore(Database(project.home / "state"))
    for _ in range(300):
        if "Half an " in (store.text(started["runId"]) or ""):
            break
        await asyncio.sleep(0.1)
    editor.process.kill()
    await editor.process.wait()
    return started


async def test_a_run_that_a_crash_cut_off_is_kept_as_far_as_it_came(project):
    project.server.play("Half an ", Pause(60), "answer")
    async with open_editor(project.folder, **project.how(NEOVIM)) as editor:
        started = await cut_off(project, editor)
    async with open_editor(project.folder, **project.how(NEOVIM)) as editor:
        (listed,) = await editor.command("inhouse.runs", {"earlier": True})
        assert (listed["runId"], listed["status"]) == (started["runId"], "failed")
        uri = (await editor.command("inhouse.transcript", {"runId": started["runId"]}))["uri"]
        assert "Half an " in to_path(uri).read_text("utf-8")


async def test_earlier_runs_are_listed_where_the_sessions_file_cannot_be_read(project):
    project.server.play("Half an ", Pause(60), "answer")
    async with open_editor(project.folder, **project.how(NEOVIM)) as editor:
        run_id = (await cut_off(project, editor))["runId"]
    for each in (project.home / "state").glob("sessions.db*"):
        each.unlink()
    (project.home / "state" / "sessions.db").mkdir()
    async with open_editor(project.folder, **project.how(NEOVIM)) as editor:
        (listed,) = await editor.command("inhouse.runs", {"earlier": True})
        assert (listed["runId"], listed["status"]) == (run_id, "failed")
        uri = (await editor.command("inhouse.transcript", {}))["uri"]
        assert "Half an " in to_path(uri).read_text("utf-8")


async def test_a_run_that_works_in_another_window_is_not_listed_as_failed(project):
    project.server.play("Half an ", Pause(60), "answer")
    how = project.how(VSCODE)
    async with open_editor(project.folder, **how) as one, open_editor(project.folder, **how) as two:
        started = await one.command("inhouse.run", {"agent": "writer"})
        for _ in range(300):
            if listed := await two.command("inhouse.runs", {"earlier": True}):
                break
            await asyncio.sleep(0.1)
        assert [(each["runId"], each["status"]) for each in listed] == [
            (started["runId"], "running")
        ]
        await one.command("inhouse.cancel", {"runId": started["runId"]})
        await one.ended(started["runId"])
        for _ in range(300):
            (listed,) = await two.command("inhouse.runs", {"earlier": True})
            if listed["status"] == "cancelled":
                break
            await asyncio.sleep(0.1)
        assert listed["status"] == "cancelled"


async def test_who_wants_none_has_no_transcript_kept(project):
    project.settings["keptTranscripts"] = 0
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        started = await editor.command("inhouse.run", {"agent": "writer", "prompt": "canary"})
        await editor.ended(started["runId"])
    files = [path for path in project.home.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if b"canary" in path.read_bytes()]


async def test_a_free_text_is_answered_by_what_is_selected_where_nobody_draws_an_input(project):
    project.agent("asker", "ask_user")
    project.server.play(call("ask_user", questions=[{"question": "How many?", "options": []}]))
    project.server.play("done")
    async with open_editor(project.folder, **project.how(HELIX)) as editor:
        uri = editor.open(project.file("a.txt", "a dozen\n"))
        started = await editor.command("inhouse.run", {"agent": "asker"})
        await editor.until(lambda: editor.messages("window/showMessage"))
        told = editor.messages("window/showMessage")[-1]["message"]
        assert told.startswith("How many?")
        assert "select it" in told
        titles = [each["title"] for each in await actions(editor, uri)]
        assert not [title for title in titles if title.startswith("Answer")]

        line = {"start": {"line": 0, "character": 0}, "end": {"line": 1, "character": 0}}
        found = await actions(editor, uri, line)
        answer = next(each for each in found if each["title"].startswith("Answer"))
        assert answer["title"] == "Answer with this selection: How many?"
        await editor.command(answer["command"]["command"], *answer["command"]["arguments"])

        assert (await editor.ended(started["runId"]))["status"] == "completed"
        assert "a dozen" in str(project.server.chats[-1].body["messages"][-1])
        found = await actions(editor, uri, line)
        assert not [each for each in found if each["title"].startswith("Answer")]


async def test_a_question_is_asked_once_and_any_way_of_answering_counts(project):
    project.agent("asker", "ask_user")
    ask = call(
        "ask_user",
        questions=[{"question": "Which one?", "options": [{"label": "A"}, {"label": "B"}]}],
    )
    async with open_editor(project.folder, **project.how(HELIX)) as editor:

        async def run(answer, then=None):
            editor.on["window/showMessageRequest"] = lambda _: answer
            project.server.play(ask)
            project.server.play("done")
            token = f"s{len(project.server.chats)}"
            started = await editor.command("inhouse.run", {"agent": "asker", "streamToken": token})
            if then is not None:
                await editor.until(
                    lambda: [e for e in editor.events(token) if e["kind"] == "question"]
                )
                await then(next(e for e in editor.events(token) if e["kind"] == "question"))
            ended = await editor.ended(started["runId"])
            asked = [event for event in editor.events(token) if event["kind"] == "question"]
            assert len(asked) == 1
            return ended, project.server.chats[-1].body["messages"]

        async def by_command(question):
            assert question["text"].startswith("Which one?")
            with pytest.raises(ServerError, match="No choice 'Z'"):
                await editor.command(
                    "inhouse.answer", {"questionId": question["questionId"], "choices": ["Z"]}
                )
            await editor.command(
                "inhouse.answer", {"questionId": question["questionId"], "choices": ["B"]}
            )

        async def cancelled(question):
            await editor.command("inhouse.cancel")

        result, messages = await run({"title": "A"})
        assert result["status"] == "completed"
        assert '"A"' in str(messages[-1]["content"])
        result, messages = await run(SILENCE, by_command)
        assert result["status"] == "completed"
        assert '"B"' in str(messages[-1]["content"])
        assert editor.messages("$/cancelRequest")
        late = next(r for r in reversed(editor.requests) if "showMessageRequest" in r["method"])
        editor.send({"jsonrpc": "2.0", "id": late["id"], "result": {"title": "A"}})
        for odd in (None, {"title": "unknown"}, 5, RuntimeError("old client")):
            result, _ = await run(odd)
            assert result["status"] == "completed"
        result, _ = await run(SILENCE, cancelled)
        assert result["status"] == "cancelled"
        with pytest.raises(ServerError, match="already been answered"):
            await editor.command("inhouse.answer", {"questionId": "q", "text": "x"})
        assert b"ERROR" not in editor.stderr


async def test_agents_are_launched_from_code_actions_with_full_arguments(project):
    path = project.file("a.py", "def f():\n    return 1\n")
    async with open_editor(project.folder, **project.how(EGLOT)) as editor:
        uri = editor.open(path)
        selected = {"start": {"line": 1, "character": 4}, "end": {"line": 1, "character": 12}}
        agents = ["writer", *sorted(path.stem for path in ON_BOARD.glob("*.ts"))]
        found = {each["title"]: each for each in await actions(editor, uri, selected)}
        assert list(found) == [
            *(f"Ask {agent} about this selection" for agent in agents),
            *(f"Ask {agent} about this file" for agent in agents),
        ]
        for title, inside, outside in (
            ("Ask writer about this selection", "return 1", "def f"),
            ("Ask writer about this file", "def f():\n    return 1", "nothing"),
        ):
            command = found[title]["command"]
            assert command["arguments"][0]["uri"] == uri
            started = await editor.command(command["command"], *command["arguments"])
            await editor.ended(started["runId"])
            messages = project.server.chats[-1].body["messages"]
            prompt = "\n".join(str(message["content"]) for message in messages)
            assert "a.py" in prompt
            assert inside in prompt
            assert outside not in prompt
        titles = [each["title"] for each in await actions(editor, uri)]
        assert "Ask writer about this line" in titles
        assert await actions(editor, uri, only=["source.organizeImports"]) == []
        assert len(await actions(editor, uri, only=["refactor"])) == len(agents)
        assert await actions(editor, "file:///not/open.py") == []


async def test_a_client_without_literals_gets_plain_commands(project):
    path = project.file("a.py", "x = 1\n")
    async with open_editor(project.folder, **project.how({})) as editor:
        uri = editor.open(path)
        (first, *_) = await actions(editor, uri)
        assert first["command"] == "inhouse.run"


@pytest.mark.parametrize(
    ("name", "language", "text", "range_ends"),
    [
        ("a.py", "python", "x = 1\n# @writer: why this loop?\nwhile x:\n    x += 1\n\ny = 2\n", 3),
        ("a.ts", "typescript", "/* @writer: why this loop? */\nwhile (1) {}\n", 1),
        ("a.rs", "rust", "/// @writer: why this loop?\nloop {}\n", 1),
        ("a.sh", "shellscript", "# @writer: why this\n# loop?\nwhile true; do :; done\n", 2),
        ("a.lua", "lua", "-- @writer: why this loop?\nwhile true do end\n", 1),
        ("a.html", "html", "<!-- @writer: why this loop? -->\n<p>x</p>\n", 1),
        ("a.el", "emacs-lisp", ";; @writer: why this loop?\n(while t)\n", 1),
        ("noname", "haskell", "-- @writer: why this loop?\nmain = main\n", 1),
    ],
)
async def test_a_prompt_comment_is_found_in_any_language(name, language, text, range_ends):
    from inhouse.lsp.documents.open_documents import OpenDocument
    from inhouse.lsp.features.prompt_comments import prompt_comments

    document = OpenDocument(f"file:///{name}", Path(f"/{name}"), text, 1, language)
    (found,) = prompt_comments(document)

    assert (found.agent, found.prompt) == ("writer", "why this loop?")
    assert found.range.end.line == range_ends


def test_what_is_no_comment_or_names_nobody_is_no_prompt():
    from inhouse.lsp.documents.open_documents import OpenDocument
    from inhouse.lsp.features.prompt_comments import prompt_comments

    text = 's = "@writer: not a comment"\n# mail me@writer: no\n# @writer nothing to say\n'
    assert prompt_comments(OpenDocument("file:///a.py", Path("/a.py"), text, 1, "python")) == ()


async def test_a_prompt_comment_runs_its_agent_with_the_code_around_it(project):
    text = "# @writer: why is this loop never left?\nwhile True:\n    pass\n\n\n# @nobody: hello\n"
    path = project.file("a.py", text)
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        uri = editor.open(path)
        lenses = await editor.request("textDocument/codeLens", {"textDocument": {"uri": uri}})
        assert len(lenses) == 1
        command = lenses[0]["command"]
        assert command["title"] == "Run writer"
        titles = [each["title"] for each in await actions(editor, uri)]
        assert "Run writer: why is this loop never left?" in titles
        started = await editor.command(command["command"], *command["arguments"])
        await editor.ended(started["runId"])

        messages = project.server.chats[0].body["messages"]
        prompt = "\n".join(str(message["content"]) for message in messages)
        assert "why is this loop never left?" in prompt
        assert "while True:\n    pass" in prompt
        assert "nobody" not in prompt
