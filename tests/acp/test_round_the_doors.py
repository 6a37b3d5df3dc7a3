"""One session that goes from door to door, and what the model server saw of it."""

import asyncio
import json
from itertools import pairwise

from support.acp_client import Person, open_agent
from support.editor import NEOVIM, open_editor
from support.model_server import ModelServer, call
from support.terminal import Terminal


async def test_a_session_begun_in_a_terminal_goes_on_in_acp_then_in_an_editor_and_in_the_terminal(
    place: Terminal, server: ModelServer
) -> None:
    place.agent("helper", more="toolNames: ['read_files', 'str_replace', 'end_turn'],")
    path = place.workspace / "a.txt"
    path.write_text("one\n")
    server.play("In the terminal: ", "ünd.")
    begun = await asyncio.to_thread(
        place, "run", "helper", "first, \u201cquoted\u201d", "--trust", "--json"
    )
    session = begun.events[-1]["result"]["session"]

    server.play("I look.", call("read_files", paths=["a.txt"]))
    replacement = {"oldString": "one", "newString": "two"}
    server.play(call("str_replace", path="a.txt", replacements=[replacement]))
    server.play("In the client.")
    async with open_agent(
        place.environment, Person(choose=["Trust this workspace", "Apply"])
    ) as opened:
        await opened.agent.load_session(
            cwd=str(place.workspace), session_id=session, mcp_servers=[]
        )
        assert opened.person.text() == "In the terminal: ünd."
        await opened.ask(session, "second")
    assert path.read_text() == "two\n"

    server.play("In the editor.")
    how = {"capabilities": NEOVIM, "options": {}, "environ": place.environment}
    async with open_editor(place.workspace, **how) as editor:
        started = await editor.command("inhouse.run", {"session": session, "prompt": "third"})
        assert (await editor.ended(started["runId"], 45))["text"] == "In the editor."

    shown = await asyncio.to_thread(place, "sessions", "show", session)
    told = ("first, \u201cquoted\u201d", "In the terminal: ünd.", "second", "In the client.")
    for said in (*told, "third", "In the editor."):
        assert said in shown.out
    server.play("Back again.")
    last = await asyncio.to_thread(place, "run", "--session", session, "fourth", "--json")
    assert last.events[-1]["result"]["text"] == "Back again."
    async with open_agent(place.environment, Person()) as opened:
        await opened.agent.load_session(
            cwd=str(place.workspace), session_id=session, mcp_servers=[]
        )
        prompts = [each.content.text for each in opened.person.of("user_message_chunk")]
        assert prompts == ["first, \u201cquoted\u201d", "second", "third", "fourth"]
        assert [each.title for each in opened.person.of("tool_call")] == [
            "Read a.txt",
            "Edit a.txt",
        ]
        diffs = [
            content
            for each in opened.person.of("tool_call_update")
            for content in each.content or []
            if content.type == "diff"
        ]
        assert {(each.path, each.old_text, each.new_text) for each in diffs} == {
            (str(path), "one\n", "two\n")
        }

    # Each request begins with the one before it, to the byte: nothing was lost or told anew.
    requests = [json.dumps(each.body["messages"], ensure_ascii=False) for each in server.chats]
    assert len(requests) == 6
    for before, after in pairwise(requests):
        assert after.startswith(before.removesuffix("]")), after
    said = [message["content"] for message in server.chats[-1].body["messages"]]
    for text in ("In the terminal: ünd.", "I look.", "In the client.", "In the editor."):
        assert said.count(text) == 1
