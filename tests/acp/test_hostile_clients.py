"""What a client may send that no client should: the door stays open, and says what is wrong."""

import asyncio
import json
from typing import Any

import pytest

from support.acp_client import RawClient, raw_client
from support.model_server import ModelServer, Pause, call
from support.terminal import Terminal

TRUST = "Trust this workspace"


async def opened(client: RawClient, place: Terminal) -> str:
    answer = await client.call("new", "session/new", cwd=str(place.workspace), mcpServers=[])
    return answer["result"]["sessionId"]


def prompt(session: str, text: str) -> dict[str, Any]:
    return {"sessionId": session, "prompt": [{"type": "text", "text": text}]}


async def trusted(client: RawClient, place: Terminal, server: ModelServer) -> str:
    """Open a session whose workspace is trusted."""
    server.play("Hello.")
    session = await opened(client, place)
    client.request("first", "session/prompt", **prompt(session, "hello"))
    client.choose(await client.question(), TRUST)
    assert (await client.answer("first"))["result"]["stopReason"] == "end_turn"
    client.updates.clear()
    return session


GARBAGE: list[tuple[Any, int]] = [
    (b"GET / HTTP/1.1", -32700),
    (b"\xff\xfe\x00", -32700),
    (b"[" * 100_000, -32700),
    (b'{"id": 1', -32700),
    ([1, 2], -32600),
    ("text", -32600),
    ({}, -32600),
    ({"jsonrpc": "2.0", "id": [], "method": "session/list"}, -32600),
    ({"jsonrpc": "2.0", "id": {}, "method": "session/list"}, -32600),
    ({"jsonrpc": "2.0", "id": True, "method": "session/list"}, -32600),
]
REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"method": 7}, -32600, "method must be a string"),
    ({"method": "session/new", "params": [1]}, -32600, "params must be an object"),
    ({"method": "session/new"}, -32602, "cwd"),
    ({"method": "session/new", "params": {"cwd": 7}}, -32602, "cwd"),
    ({"method": "session/new", "params": {"cwd": "not/absolute"}}, -32602, "absolute"),
    ({"method": "session/new", "params": {"cwd": "/no/such/folder"}}, -32602, "folder"),
    ({"method": "session/new", "params": {"cwd": "/\0"}}, -32602, "folder"),
    ({"method": "session/new", "params": {"cwd": "/" + "x" * 9_000}}, -32602, "folder"),
    ({"method": "session/new", "params": {"cwd": "/", "mcpServers": 7}}, -32602, "mcpServers"),
    ({"method": "no/such"}, -32601, "no/such"),
    ({"method": "_no/such"}, -32601, "_no/such"),
    ({"method": "session/prompt", "params": {"sessionId": "x", "prompt": "x"}}, -32602, "prompt"),
    ({"method": "session/prompt", "params": prompt("nothing", "x")}, -32002, "nothing"),
    ({"method": "session/set_mode", "params": {"sessionId": "x", "modeId": "y"}}, -32002, "'x'"),
    ({"method": "session/list", "params": {"cursor": "\u0667"}}, -32602, "cursor"),
    ({"method": "session/list", "params": {"cursor": "9" * 5_000}}, -32602, "cursor"),
]


async def test_what_is_no_message_is_refused_and_everything_after_it_works(
    place: Terminal, server: ModelServer
) -> None:
    async with raw_client(place.environment) as client:
        client.send(*(line for line, _ in GARBAGE))
        client.send(b'{"id": 0, "pad": "' + b"x" * (64 << 20) + b'"}')
        client.send(
            *({"jsonrpc": "2.0", "id": n, **each} for n, (each, _, _) in enumerate(REFUSED))
        )
        for number, (_, code, words) in enumerate(REFUSED):
            error = (await client.answer(number))["error"]
            assert (error["code"], words in error["message"]) == (code, True), error
            assert len(error["message"]) < 12_000
        codes = [each["code"] for each in client.refused]
        assert codes == [*(code for _, code in GARBAGE), -32700]

        # Answers to nothing, and notifications of everything.
        client.send(
            {"jsonrpc": "2.0", "id": 999, "result": {}},
            {"jsonrpc": "2.0", "id": 0, "error": "words"},
            {"jsonrpc": "2.0", "id": [], "result": {}},
            {"jsonrpc": "2.0", "method": "no/such", "params": {}},
            {"jsonrpc": "2.0", "method": "$/cancel_request", "params": {"id": 3}},
            {"jsonrpc": "2.0", "method": "session/cancel", "params": {"sessionId": "nothing"}},
            {"jsonrpc": "2.0", "method": "session/cancel", "params": {"sessionId": []}},
            {"jsonrpc": "2.0", "method": "_custom/thing", "params": {"a": 1}},
            {"jsonrpc": "2.0", "method": "session/prompt", "params": prompt("nothing", "x")},
        )
        meta = {"self": 1, "cwd": "/no", "session_id": "other"}
        answer = await client.call(
            "meta", "session/new", cwd=str(place.workspace), mcpServers=[], _meta=meta
        )
        assert answer["result"]["sessionId"]
        session = await trusted(client, place, server)
        server.play("Well: ", "fine.")
        text = "\ud800 \x00 half a pair"
        done = await client.call("odd", "session/prompt", **prompt(session, text))
        assert done["result"]["stopReason"] == "end_turn"
        assert client.text() == "Well: fine."
        again = await client.call("close", "session/close", sessionId=session)
        assert again["result"] == {}
        loaded = await client.call(
            "load", "session/load", cwd=str(place.workspace), sessionId=session, mcpServers=[]
        )
        assert "configOptions" in loaded["result"]


async def test_a_turn_is_cancelled_before_it_begins_and_twice_and_another_one_is_refused(
    place: Terminal, server: ModelServer
) -> None:
    async with raw_client(place.environment) as client:
        session = await trusted(client, place, server)
        asked = len(server.chats)
        cancel = {"jsonrpc": "2.0", "method": "session/cancel", "params": {"sessionId": session}}
        begin = {"jsonrpc": "2.0", "method": "session/prompt", "params": prompt(session, "go")}

        client.send({**begin, "id": 1}, cancel, cancel)
        assert (await client.answer(1))["result"]["stopReason"] == "cancelled"
        assert len(server.chats) == asked

        server.play("Begin", Pause(30), "never")
        client.send({**begin, "id": 2}, {**begin, "id": 3})
        refusal = (await client.answer(3))["error"]
        assert "is busy" in refusal["message"]
        assert refusal["data"]["code"] == "busy"
        await client.said("Begin")
        client.send(cancel, cancel, cancel)
        assert (await client.answer(2))["result"]["stopReason"] == "cancelled"

        client.updates.clear()
        server.play("Goes on.")
        done = await client.call(4, "session/prompt", **prompt(session, "on"))
        assert done["result"]["stopReason"] == "end_turn"
        assert client.text() == "Goes on."


@pytest.mark.parametrize(
    "answer",
    [
        {"result": {"outcome": {"outcome": "selected", "optionId": "no-such"}}},
        {"result": {"outcome": {"outcome": "selected", "optionId": "\u00b2"}}},
        {"result": {"outcome": {"outcome": "selected", "optionId": 1}}},
        {"result": {"outcome": {"outcome": "cancelled"}}},
        {"result": {"outcome": "yes"}},
        {"result": None},
        {"error": {"code": -32601, "message": "Method not found"}},
        {"error": {}},
    ],
    ids=lambda value: json.dumps(value)[:60],
)
async def test_an_answer_that_is_none_of_the_options_is_no_permission(
    place: Terminal, server: ModelServer, answer: dict[str, Any]
) -> None:
    async with raw_client(place.environment) as client:
        session = await opened(client, place)
        client.request(1, "session/prompt", **prompt(session, "go"))
        question = await client.question()
        client.send({"jsonrpc": "2.0", "id": question["id"], **answer})
        assert "trust" in (await client.answer(1))["error"]["message"].lower()
    assert server.requests == []


async def test_a_question_that_nobody_answers_ends_with_its_turn_and_late_answers_change_nothing(
    place: Terminal, server: ModelServer
) -> None:
    async with raw_client(place.environment) as client:
        session = await trusted(client, place, server)
        server.play(call("run_terminal_command", command="touch made"))
        client.request(1, "session/prompt", **prompt(session, "go"))
        question = await client.question()
        assert "touch made" in json.dumps(question["params"])
        client.send(
            {"jsonrpc": "2.0", "method": "session/cancel", "params": {"sessionId": session}}
        )
        assert (await client.answer(1))["result"]["stopReason"] == "cancelled"
        ends = [each for each in client.updates if each["sessionUpdate"] == "tool_call_update"]
        assert ends[-1]["status"] == "failed"

        client.choose(question, "Run once")
        server.play("Done.")
        done = await client.call(2, "session/prompt", **prompt(session, "and now"))
        assert done["result"]["stopReason"] == "end_turn"
    assert not (place.workspace / "made").exists()


async def test_a_client_that_goes_in_the_middle_of_a_question_leaves_a_session_that_can_go_on(
    place: Terminal, server: ModelServer
) -> None:
    async with raw_client(place.environment) as client:
        session = await trusted(client, place, server)
        server.play(call("run_terminal_command", command="touch made"))
        client.request(1, "session/prompt", **prompt(session, "go"))
        await client.question()
    assert not (place.workspace / "made").exists()
    server.play("On.")
    done = await asyncio.to_thread(
        place, "run", "--session", session, "and now", "--trust", "--json"
    )
    assert done.status == 0, done.err
    assert "hello" in json.dumps(server.chats[-1].body["messages"])
