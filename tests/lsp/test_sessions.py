"""Conversations through the editor: they go on, are steered, forked, undone, renamed, deleted."""

import asyncio
import contextlib
import json
import threading

import pytest

from support.editor import NEOVIM, VSCODE, ServerError, open_editor
from support.model_server import Hangup, Pause, call


def said(server, index=-1):
    """What the server got of one request, roles and texts."""
    return [(m["role"], m.get("content")) for m in server.chats[index].body["messages"]]


async def run(editor, prompt, **more):
    started = await editor.command("inhouse.run", {"prompt": prompt, **more})
    return started, await editor.ended(started["runId"], 45)


async def test_a_session_goes_on_without_naming_its_agent_also_after_the_server_has_gone(project):
    project.server.play("first answer")
    project.server.play("second answer")
    async with open_editor(project.folder, **project.how(NEOVIM)) as editor:
        started, first = await run(editor, "one", agent="writer", streamToken="s")
        session = started["session"]
        assert first["session"] == session
        assert editor.events("s")[0]["session"] == session
    async with open_editor(project.folder, **project.how(NEOVIM)) as editor:
        (listed,) = await editor.command("inhouse.sessions", {})
        assert (listed["id"], listed["title"], listed["turns"]) == (session, "one", 1)

        _, second = await run(editor, "two", session=session)

        assert second["agent"] == "writer"
        texts = [text for _, text in said(project.server)]
        assert texts.index("one") < texts.index("first answer") < texts.index("two")
        (listed,) = await editor.command("inhouse.sessions", {"query": "TWO"})
        assert (listed["turns"], listed["status"]) == (2, "completed")
        assert await editor.command("inhouse.sessions", {"query": "100%"}) == []


@pytest.mark.parametrize("how", ["failed", "cancelled", "budget", "killed"])
async def test_a_turn_that_did_not_end_well_can_be_gone_on_with(project, how):
    project.agent("writer", "read_files", "run_terminal_command")
    project.file("a.txt", "the text of a")
    project.settings["commands"] = "allow-listed"
    project.settings["allowedCommands"] = ["sleep 60"]
    project.server.play("looking", call("read_files", paths=["a.txt"]))
    match how:
        case "failed":
            project.server.play("half an ", Hangup())
            project.server.default = ["half an ", Hangup()]
        case "cancelled" | "killed":
            project.server.play("half an ", call("run_terminal_command", command="sleep 60"))
        case "budget":
            project.settings["maxSteps"] = 1
    started = {}
    with contextlib.suppress(*([TimeoutError, ConnectionError] if how == "killed" else [])):
        async with open_editor(project.folder, **project.how(NEOVIM)) as editor:
            started = await editor.command(
                "inhouse.run", {"agent": "writer", "prompt": "do it", "streamToken": "s"}
            )
            if how in ("cancelled", "killed"):
                await editor.until(
                    lambda: [
                        e for e in editor.events("s") if e.get("tool") == "run_terminal_command"
                    ]
                )
            if how == "killed":
                await asyncio.sleep(0.6)
                editor.process.kill()
                await editor.process.wait()
            else:
                if how == "cancelled":
                    await editor.command("inhouse.cancel", {})
                await editor.ended(started["runId"], 45)
    project.server.default = ["done"]
    project.settings.pop("maxSteps", None)
    async with open_editor(project.folder, **project.how(NEOVIM)) as editor:
        (listed,) = await editor.command("inhouse.sessions", {})
        wanted = {"budget": "completed", "killed": "interrupted"}.get(how, how)
        assert listed["status"] == wanted
        await run(editor, "go on", session=started["session"])

    messages = project.server.chats[-1].body["messages"]
    texts = json.dumps(messages)
    assert "do it" in texts
    assert "the text of a" in texts
    assert ("half an " in texts) == (how != "budget")
    assert ("Interrupted" in texts) == (how in ("cancelled", "killed"))
    calls = [c["id"] for m in messages for c in m.get("tool_calls", ())]
    assert calls == [m["tool_call_id"] for m in messages if m["role"] == "tool"]


async def test_what_is_said_to_a_running_session_reaches_the_model_before_its_next_step(project):
    project.agent("writer", "read_files")
    project.file("a.txt", "x")
    project.server.play("first", Pause(0.5), call("read_files", paths=["a.txt"]))
    project.server.play("then")
    project.server.play("at last")
    async with open_editor(project.folder, **project.how(NEOVIM)) as editor:
        started = await editor.command(
            "inhouse.run", {"agent": "writer", "prompt": "p", "streamToken": "s"}
        )
        await editor.until(lambda: [e for e in editor.events("s") if e["kind"] == "text"])
        session = started["session"]
        await editor.command("inhouse.steer", {"session": session, "text": "never sent"})
        taken = await editor.command("inhouse.steer", {"session": session, "text": ""})
        assert not taken["queued"]
        steered = await editor.command("inhouse.run", {"session": session, "prompt": "also b"})
        assert (steered["runId"], steered["steered"]) == (started["runId"], True)
        await editor.ended(started["runId"], 45)

        told = [(e["text"], e["state"]) for e in editor.events("s") if e["kind"] == "steer"]
        assert told[-2:] == [("also b", "queued"), ("also b", "delivered")]
        assert said(project.server)[-1] == ("user", "also b")
        assert "never sent" not in str(said(project.server))
        with pytest.raises(ServerError, match="not running"):
            await editor.command("inhouse.steer", {"session": session, "text": "late"})


async def test_a_fork_has_the_turns_before_it_and_both_go_on(project):
    project.server.default = ["ok"]
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        started, _ = await run(editor, "one", agent="writer")
        session = started["session"]
        await run(editor, "two", session=session)
        fork = await editor.command("inhouse.session.fork", {"session": session, "turn": 2})
        await run(editor, "other two", session=fork["session"])

        texts = [text for role, text in said(project.server) if role == "user"]
        assert "one" in texts
        assert "two" not in texts
        await editor.command(
            "inhouse.session.rename", {"session": fork["session"], "title": "the\nfork"}
        )
        listed = await editor.command("inhouse.sessions", {"limit": 5})
        assert [(one["title"], one["turns"]) for one in listed] == [("the fork", 2), ("one", 2)]
        assert listed[0]["forkedFrom"] == session
        with pytest.raises(ServerError, match="no turn 9"):
            await editor.command("inhouse.session.fork", {"session": session, "turn": 9})
        document = await editor.request("workspace/textDocumentContent", {"uri": listed[0]["uri"]})
        assert document["text"].startswith("# the fork\n")
        assert "## 2 · You\n\nother two\n\n## 2 · writer\n\nok\n\n" in document["text"]
        await editor.command("inhouse.session.delete", {"session": session})
        assert [one["id"] for one in await editor.command("inhouse.sessions", {})] == [
            fork["session"]
        ]
        with pytest.raises(ServerError, match=f"No session '{session}'"):
            await editor.command("inhouse.run", {"prompt": "x", "session": session})


async def test_undoing_a_turn_takes_back_what_it_left_and_keeps_what_the_user_typed(project):
    project.agent("writer", "str_replace", "write_file")
    project.settings["edits"] = "apply"
    project.file("a.txt", "1\n2\n3\n4\n5\n6\n7\n8\n9\n")
    project.server.play(
        call("str_replace", path="a.txt", replacements=[{"old": "2", "new": "two"}]),
        call("str_replace", path="a.txt", replacements=[{"old": "8", "new": "eight"}]),
        call("write_file", path="new.txt", content="hello\n", instructions="x"),
    )
    project.server.play("done")
    async with open_editor(project.folder, **project.how(NEOVIM)) as editor:
        uri = editor.open(project.folder / "a.txt")
        started, result = await run(editor, "change", agent="writer")
        assert editor.buffers[uri] == "1\ntwo\n3\n4\n5\n6\n7\neight\n9\n", result
        editor.change(uri, "1\ntwo\n3\nmine\n5\n6\n7\nate\n9\n")
        session = started["session"]
    project.file("new.txt", "hello\n")
    async with open_editor(project.folder, **project.how(NEOVIM)) as editor:
        uri = editor.open(project.folder / "a.txt", "1\ntwo\n3\nmine\n5\n6\n7\nate\n9\n")

        (turn,) = await editor.command("inhouse.session.turns", {"session": session})
        undone = await editor.command("inhouse.session.undo", {"session": session})

        assert (turn["turn"], turn["runId"], turn["changedFiles"]) == (1, started["runId"], 2)
        assert editor.buffers[uri] == "1\n2\n3\nmine\n5\n6\n7\nate\n9\n"
        assert undone["restored"] == [uri, (project.folder / "new.txt").as_uri()]
        assert not (project.folder / "new.txt").exists()
        told = [each["message"] for each in editor.messages("window/showMessage")]
        stays = "a.txt was changed in 1 place since: the text there stays as it is."
        assert undone["problems"] == [stays]
        assert f"Inhouse: {stays}" in told


async def test_an_undo_drops_what_still_waits_and_is_not_fooled_by_a_buffer_it_cannot_see(project):
    project.agent("writer", "str_replace", "write_file")
    project.settings["edits"] = "review"
    a, b = project.file("a.txt", "1\n2\n3\n4\n5\n6\n7\n8\n9\n"), project.file("b.txt", "b\n")
    project.server.play(
        call("str_replace", path="a.txt", replacements=[{"old": "2", "new": "two"}]),
        call("str_replace", path="a.txt", replacements=[{"old": "8", "new": "eight"}]),
        call("str_replace", path="b.txt", replacements=[{"old": "b", "new": "B"}]),
    )
    project.server.play("done")
    how = project.how(VSCODE)
    async with open_editor(project.folder, **how) as one, open_editor(project.folder, **how) as two:
        uri = one.open(a)
        started, _ = await run(one, "change", agent="writer")
        first, second, _ = await one.command("inhouse.edits")
        await one.command("inhouse.edits.reject", {"hunk": first["id"]})
        await one.command("inhouse.edits.apply", {"hunk": second["id"]})
        assert one.buffers[uri] == "1\n2\n3\n4\n5\n6\n7\neight\n9\n"
        turn = {"session": started["session"], "turn": 1}

        nothing = await two.command("inhouse.session.undo", turn)  # On disk all is as it was.

        assert nothing == {"restored": [], "problems": []}
        assert "Nothing to undo" in two.messages("window/showMessage")[-1]["message"]
        undone = await one.command("inhouse.session.undo", turn)
        assert undone == {"restored": [uri, b.as_uri()], "problems": []}
        assert one.buffers[uri] == "1\n2\n3\n4\n5\n6\n7\n8\n9\n"
        assert await one.command("inhouse.edits") == []
        for which, why in ((1, "undone or rejected already"), (2, "no turn 2.  Turns: 1 to 1")):
            with pytest.raises(ServerError, match=why):
                await two.command("inhouse.session.undo", turn | {"turn": which})
        for command in ("inhouse.session.undo", "inhouse.session.fork"):
            for which, why in ((10**20, "'turn' must be a whole number"), (10**12, "no turn 1000")):
                with pytest.raises(ServerError, match=why):
                    await two.command(command, turn | {"turn": which})


async def test_nothing_is_written_to_disk_where_no_session_is_to_be_kept(project):
    project.settings["keptSessions"] = 0
    project.settings["keptTranscripts"] = 0
    project.server.default = ["canary answer"]
    async with open_editor(project.folder, **project.how(NEOVIM)) as editor:
        started, _ = await run(editor, "canary prompt", agent="writer")
        await run(editor, "again", session=started["session"])
        assert "canary prompt" in str(said(project.server))

    for path in project.home.rglob("*"):
        assert not path.is_file() or b"canary" not in path.read_bytes(), path


async def test_a_deleted_session_leaves_no_byte_of_what_was_said(project):
    project.server.default = ["canary answer"]
    async with open_editor(project.folder, **project.how(NEOVIM)) as editor:
        started, _ = await run(editor, "canary prompt", agent="writer", showTranscript=True)
        await editor.command("inhouse.session.open", {})
        await editor.command("inhouse.session.delete", {"session": started["session"]})

    found = [
        path
        for path in project.home.rglob("*")
        if path.is_file() and b"canary" in path.read_bytes()
    ]
    assert found == []


async def test_two_servers_have_one_session_and_one_of_them_runs_it(project):
    project.server.play("x", Pause(1))
    project.server.play("after the steer")
    how = project.how(NEOVIM)
    async with open_editor(project.folder, **how) as one, open_editor(project.folder, **how) as two:
        started = await one.command(
            "inhouse.run", {"agent": "writer", "prompt": "p", "streamToken": "s"}
        )
        await one.until(lambda: [e for e in one.events("s") if e["kind"] == "text"])
        session = started["session"]
        (listed,) = await two.command("inhouse.sessions", {})
        assert listed["status"] == "running"

        steered = await two.command("inhouse.run", {"session": session, "prompt": "from two"})

        assert steered["steered"]
        await one.ended(started["runId"])
        assert said(project.server)[-1] == ("user", "from two")
        _, result = await run(two, "now me", session=session)
        assert result["status"] == "completed"
        assert "after the steer" in str(said(project.server))


async def test_a_conversation_is_made_smaller_by_command_and_a_fork_has_all_of_it(project):
    async with open_editor(project.folder, **project.how(NEOVIM)) as editor:
        session = None
        for number in range(4):
            project.server.play(f"answer {number} " + "z" * 3_000)
            agent = {"session": session} if session else {"agent": "writer"}
            started, _ = await run(editor, f"question {number}", **agent)
            session = started["session"]
        whole = said(project.server)
        project.server.play("They talked about numbers.")

        given = {"session": session, "streamToken": "c"}
        started = await editor.command("inhouse.session.compact", given)
        result = await editor.ended(started["runId"], 45)

        numbers = result["output"]
        assert 0 < numbers["after"] < numbers["before"] * 0.7
        assert numbers["messagesSummarised"] > 2
        (told,) = [e for e in editor.events("c") if e["kind"] == "notice"]
        assert f"{numbers['before']:,} to {numbers['after']:,} tokens" in told["message"]
        assert "condense a conversation" in str(said(project.server)[0])
        project.server.default = ["fine"]
        await run(editor, "and now?", session=session)
        texts = [text for _, text in said(project.server)]
        assert len(texts) < len(whole)
        summary = next(text for text in texts if "They talked about numbers." in text)
        assert "<first_prompt>\nquestion 0\n" in summary
        assert "and now?" in texts[-2:]
        assert "/compact" not in str(texts)
        fork = await editor.command("inhouse.session.fork", {"session": session, "turn": 5})
        await run(editor, "what was said?", session=fork["session"])
        assert said(project.server)[: len(whole)] == whole
        _, result = await run(editor, " /compact\n", session=fork["session"])
        assert result["output"]["before"] > 0
        assert "condense a conversation" in str(project.server.chats[-1].body["messages"])
        prompt = {"prompt": "/compact"}
        for command, more in (("inhouse.session.compact", {}), ("inhouse.run", prompt)):
            with pytest.raises(ServerError, match="No session 'nothing'"):
                await editor.command(command, {"session": "nothing", **more})


async def test_pictures_come_with_a_prompt_and_are_checked_before_anything_begins(project):
    png = {"data": "iVBORw0KGgo=", "mimeType": "image/png"}
    async with open_editor(project.folder, **project.how(NEOVIM)) as editor:
        for wrong, words in (
            ([{"data": "not base64!", "mimeType": "image/png"}], "not base64"),
            ([{"data": "aGk=", "mimeType": "text/html"}], "media type"),
            ([{"data": "aGk="}], "Picture"),
            ("aGk=", "Picture"),
        ):
            with pytest.raises(ServerError, match=words):
                await editor.command("inhouse.run", {"agent": "writer", "images": wrong})
        assert project.server.chats == []
        await run(editor, "What is this?", agent="writer", images=[png])
    assert "data:image/png;base64,iVBORw0KGgo=" in json.dumps(said(project.server))


async def test_a_conversation_goes_on_in_memory_while_the_disk_is_full_and_back_on_it_after(
    project,
):
    resource = pytest.importorskip("resource")
    if not hasattr(resource, "prlimit"):
        pytest.skip("NOT PROVED HERE: only Linux sets limits of another process")
    held = threading.Event()
    project.server.play("first answer")
    project.server.play("second, ", Pause(30, held), "to its end")
    for answer in ("third answer", "fourth answer", "other answer"):
        project.server.play(answer)

    def limit(process, size):
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def told(token):
        return [e["message"] for e in editor.events(token) if e.get("code") == "not-kept"]

    async with open_editor(project.folder, **project.how(NEOVIM)) as editor:
        started, _ = await run(editor, "one", agent="writer", streamToken="a")
        session = started["session"]
        second = await editor.command(
            "inhouse.run", {"session": session, "prompt": "two", "streamToken": "b"}
        )
        await editor.until(lambda: [e for e in editor.events("b") if e.get("delta")])
        limit(editor.process, 1)
        held.set()
        assert (await editor.ended(second["runId"], 45))["text"] == "second, to its end"
        _, third = await run(editor, "three", session=session, streamToken="c")
        assert (third["status"], third["text"]) == ("completed", "third answer")
        texts = [text for _, text in said(project.server)]
        assert [t for t in texts if t in ("one", "second, to its end", "two", "three")] == [
            *("one", "two", "second, to its end", "three")
        ]
        assert len(told("b") + told("c")) == 1, "it is told once"
        assert str(project.home / "state" / "sessions.db") in told("b")[0]
        _, other = await run(editor, "another", agent="writer", streamToken="d")
        assert (other["text"], len(told("d"))) == ("fourth answer", 1)
        listed = await editor.command("inhouse.sessions", {})
        assert [(one["title"], one["turns"]) for one in listed] == [("another", 1), ("one", 3)]
        limit(editor.process, resource.RLIM_INFINITY)
        await run(editor, "four", session=session, streamToken="e")
        assert [e for e in editor.events("e") if e.get("code") == "kept-again"]
    async with open_editor(project.folder, **project.how(NEOVIM)) as editor:
        listed = await editor.command("inhouse.sessions", {})
        assert sorted((one["title"], one["turns"], one["status"]) for one in listed) == [
            ("another", 1, "completed"),
            ("one", 4, "completed"),
        ]
