"""How each server wants to be asked: what a refusal teaches, and the history written so.

tests/providers/mends.json has what real servers say (documentation and public reports), and the
trait that each refusal teaches.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from inhouse.core.dialect import (
    MISTRAL,
    OPENAI_LIKE,
    CallIds,
    Dialect,
    EmptyText,
    SystemText,
    Thoughts,
)
from inhouse.core.endpoint_kinds import Kind, known_dialect
from inhouse.core.errors import ProviderError
from inhouse.core.message_json import messages_from_json, messages_to_json
from inhouse.core.messages import (
    AssistantMessage,
    Image,
    Origin,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
    without_private,
)
from inhouse.core.ports import Prompt, ToolSpec
from inhouse.providers.chat.completions import OpenAIChat
from inhouse.providers.chat.refusals import MOST_MENDS
from inhouse.providers.chat.stream_model import Streamed
from inhouse.providers.dialect.chat_request import chat_messages, chat_tools
from inhouse.providers.endpoints.endpoint_state import EndpointState
from inhouse.store.session_messages import dump, load
from support.asking import ask, endpoint
from support.replay import DONE, Replay, http_head, http_json, piece, sse, text_answer

MENDS = json.loads((Path(__file__).parent / "mends.json").read_text("utf-8"))
SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}}
TOOL = ToolSpec(
    "look",
    "Look.",
    {
        "type": "object",
        "additionalProperties": False,
        "properties": {"minLength": {"type": "string", "minLength": 1}},
    },
)
BODY = {"min_p": 0.1, "parallel_tool_calls": False, "tool_choice": "auto", "top_p": 0.9}
MINE = "box http://127.0.0.1/v1 m"
CALL = ToolCall("functions.read_files:0", "read_files", '{"paths":["a"]}')
RESULT = ToolMessage(CALL.id, "read_files", "text of a")


def history(mine: str) -> tuple[Any, ...]:
    """A history with what servers refuse: thoughts, odd ids, an empty text, a picture."""
    thought = Origin(mine, "reasoning_content")
    return (
        UserMessage("Look.", images=(Image("aGk="),)),
        AssistantMessage("", (CALL,), "hm", thought),
        RESULT,
        SystemMessage("Be brief."),
        UserMessage("Go on."),
    )


@pytest.mark.parametrize("row", [pytest.param(one, id=one["server"]) for one in MENDS])
async def test_a_refusal_teaches_its_trait_and_the_request_goes_out_once_more(row, egress) -> None:
    no = http_json(row["body"], row["status"])
    if isinstance(row["body"], str):
        no = [http_head(row["status"], "text/plain"), row["body"].encode()]
    shared = EndpointState()
    with Replay(no, text_answer("ok")) as server:
        at = endpoint(server.base_url)
        origin = at.origin_of("m")
        messages = history("other" if "thoughts" in row["learns"] else origin)
        if {"user_last", "bridged"} & set(row["learns"]):
            messages = (*messages[:3], UserMessage("Go."), AssistantMessage("Well,"))
        asked = Prompt("Help.", messages, (TOOL,), SCHEMA, 9, 0.0)
        extra = {**BODY, "reasoning_effort": "low"}
        model = Streamed(OpenAIChat(at, "m", egress, extra, shared=shared).ask)
        first = await ask(model, asked)
        second = await ask(model, asked)

    assert (first.error, first.text) == (None, "ok")
    assert [one.code for one in first.notices] == ["adapted"]
    assert len(server.requests) == 3  # refused, mended, and the next one right from the beginning
    assert server.bodies[1] == server.bodies[2] != server.bodies[0]
    assert not second.notices
    learnt = (await shared.profile(at, "m"))["dialect"]
    assert learnt == row["learns"]
    assert OPENAI_LIKE.with_learnt(json.loads(json.dumps(learnt))).learnt(OPENAI_LIKE) == learnt


async def test_a_server_that_refuses_for_ever_ends_in_its_own_words(egress) -> None:
    no = http_json(
        {"error": {"message": "everything is unsupported: temperature, top_p, min_p"}}, 400
    )
    shared = EndpointState()
    with Replay(no) as server:
        at = endpoint(server.base_url)
        model = Streamed(OpenAIChat(at, "m", egress, BODY, shared=shared).ask)
        said = await ask(model, Prompt("", (UserMessage("x"),), temperature=0.0))

    assert isinstance(said.error, ProviderError)
    assert "everything is unsupported" in str(said.error)
    assert len(server.requests) <= MOST_MENDS + 1
    assert await shared.profile(at, "m") == {}  # what did not help is not remembered


@pytest.mark.parametrize(
    "words",
    [
        "'max_tokens' or 'max_completion_tokens' is too large: 4096, of 8192 with 6000 of input",
        "max_tokens: 4096 > 2048, which is the maximum allowed number of output tokens for x",
    ],
)
async def test_an_answer_that_may_not_be_so_long_is_asked_for_without_a_length_once(
    words, egress
) -> None:
    shared = EndpointState()
    with Replay(http_json({"message": words}, 400), text_answer("ok")) as server:
        at = endpoint(server.base_url)
        said = await ask(
            Streamed(OpenAIChat(at, "m", egress, shared=shared).ask),
            Prompt("", (UserMessage("x"),), max_output_tokens=4096),
        )

    assert said.text == "ok"
    assert "max_tokens" not in server.bodies[1]
    assert await shared.profile(at, "m") == {}


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning"])
async def test_thoughts_and_signatures_go_back_to_where_they_came_from_and_nowhere_else(
    key, egress
) -> None:
    signed = {"google": {"thought_signature": "AY89"}}
    call = {
        "index": 0,
        "id": "functions.look:0",
        "type": "function",
        "function": {"name": "look", "arguments": "{}"},
        "extra_content": signed,
    }
    details = [
        {"type": "reasoning.text", "text": "I should ", "index": 0},
        {"type": "reasoning.text", "text": "look.", "index": 0, "signature": "S"},
        {"type": "reasoning.encrypted", "data": "E", "index": 1},
    ]
    answer = [
        http_head(),
        *sse(
            piece(**{key: "I should "}, reasoning_details=details[:1]),
            piece(**{key: "look."}, reasoning_details=details[1:2]),
            piece(reasoning_details=details[2:]),
            piece(tool_calls=[call]),
            piece(finish="tool_calls"),
        ),
        DONE,
    ]
    with Replay(answer, answer, text_answer("ok")) as server:
        at = endpoint(server.base_url)
        said = await ask(
            Streamed(OpenAIChat(at, "m", egress).ask), Prompt("", (UserMessage("x"),), (TOOL,))
        )
        assert said.answered is not None
        message = AssistantMessage("", tuple(said.calls), said.reasoning, said.answered.origin)
        result = ToolMessage(said.calls[0].id, "look", "seen")
        kept = load(dump(message))
        through_steps = messages_from_json(messages_to_json([message]))[0]
        assert kept == message == through_steps
        prompt = Prompt("", (UserMessage("x"), message, result), (TOOL,))
        for model, messages in (("m", prompt.messages), ("other", prompt.messages)):
            await ask(
                Streamed(OpenAIChat(at, model, egress).ask), evolve(prompt, messages=messages)
            )

    back, elsewhere = (body["messages"][1] for body in server.bodies[1:3])
    assert back["tool_calls"][0]["extra_content"] == signed
    assert back["tool_calls"][0]["id"] == "functions.look:0" == back_id(server.bodies[1])
    assert back["reasoning_details"] == [
        {"type": "reasoning.text", "text": "I should look.", "index": 0, "signature": "S"},
        {"type": "reasoning.encrypted", "data": "E", "index": 1},
    ]
    assert set(elsewhere) == {"role", "content", "tool_calls"}
    assert set(elsewhere["tool_calls"][0]) == {"id", "type", "function"}
    assert without_private(message) == AssistantMessage(
        "", (ToolCall("functions.look:0", "look", "{}"),)
    )


def back_id(body: Any) -> str:
    return body["messages"][2]["tool_call_id"]


def test_thoughts_stand_beside_every_call_of_their_endpoint_even_where_it_did_not_think() -> None:
    mine = Origin(MINE, "reasoning_content")
    messages = (
        UserMessage("x"),
        AssistantMessage("", (ToolCall("a", "look", "{}"),), "hm", mine),
        ToolMessage("a", "look", "1"),
        AssistantMessage("", (ToolCall("b", "look", "{}"),), "", Origin(MINE)),
        ToolMessage("b", "look", "2"),
        AssistantMessage("", (ToolCall("c", "look", "{}"),), "secret", Origin("other")),
        ToolMessage("c", "look", "3"),
    )
    said = chat_messages(Prompt("", messages), origin=MINE)

    assert [one.get("reasoning_content") for one in said[1::2]] == ["hm", "", None]
    assert "secret" not in json.dumps(said)
    assert "hm" not in json.dumps(chat_messages(Prompt("", messages)))
    assert "hm" not in json.dumps(chat_messages(Prompt("", messages), MISTRAL, MINE))


@pytest.mark.parametrize(
    ("dialect", "roles", "last"),
    [
        (Dialect(), ["system", "user", "assistant", "tool", "system", "user"], "Go on."),
        (
            Dialect(one_system=True),
            ["system", "user", "assistant", "tool", "user", "user"],
            "Go on.",
        ),
        (
            Dialect(one_system=True, alternates=True, bridged=True),
            ["system", "user", "assistant", "tool", "assistant", "user"],
            "Be brief.\n\nGo on.",
        ),
        (
            Dialect(system=SystemText.USER, one_system=True, bridged=True),
            ["user", "assistant", "tool", "assistant", "user", "user"],
            "Go on.",
        ),
        (
            Dialect(system=SystemText.DEVELOPER),
            ["developer", "user", "assistant", "tool", "system", "user"],
            "Go on.",
        ),
    ],
)
def test_roles_follow_each_other_as_the_server_wants_them(dialect, roles, last) -> None:
    said = chat_messages(Prompt("Help.", history(MINE)), dialect, MINE)

    assert [one["role"] for one in said] == roles
    assert said[-1]["content"] == last
    assert "Help." in json.dumps(said)


def test_an_answer_of_the_model_is_no_first_and_no_last_message_where_that_is_refused() -> None:
    messages = (AssistantMessage("one"), AssistantMessage("two"))
    said = chat_messages(Prompt("", messages), Dialect(alternates=True, user_last=True))

    assert [one["role"] for one in said] == ["user", "assistant", "user"]
    assert said[1]["content"] == "one\n\ntwo"


@pytest.mark.parametrize(
    ("ids", "fits"),
    [
        (CallIds.AS_SAID, r"functions\.look:0|[\w-]{1,40}"),
        (CallIds.PLAIN, r"[\w-]{1,40}"),
        (CallIds.NINE, r"[A-Za-z0-9]{9}"),
    ],
)
def test_ids_of_calls_are_as_the_server_takes_them_distinct_and_the_results_fit(ids, fits) -> None:

    wanted = ["functions.look:0", "call_1", "D681PevKs", "x" * 60, "", "functions.look:0"]
    messages: list[Any] = [UserMessage("x")]
    for number, said in enumerate(wanted):
        call = ToolCall(f"own-{number}", "look", "{}", said_id=said)
        mine = Origin(MINE if number != 3 else "other")
        messages += [AssistantMessage("", (call,), "", mine), ToolMessage(call.id, "look", "r")]
    said = chat_messages(Prompt("", tuple(messages)), Dialect(call_ids=ids), MINE)
    calls = [one["tool_calls"][0]["id"] for one in said[1::2]]

    assert [one["tool_call_id"] for one in said[2::2]] == calls
    assert all(re.fullmatch(fits, one) for one in calls), calls
    assert len(set(calls)) == (5 if ids is CallIds.AS_SAID else 6)
    if ids is CallIds.AS_SAID:
        assert calls[0] == calls[5] == "functions.look:0"
    assert calls == [
        one["tool_calls"][0]["id"]
        for one in chat_messages(Prompt("", tuple(messages)), Dialect(call_ids=ids), MINE)[1::2]
    ]


@pytest.mark.parametrize(
    ("empty", "content"),
    [(EmptyText.TEXT, ""), (EmptyText.NULL, None), (EmptyText.FILLER, "(calls tools)")],
)
def test_what_stands_beside_calls_is_what_the_server_takes(empty, content) -> None:
    messages = (
        UserMessage("x"),
        AssistantMessage("", (ToolCall("a", "look", "{}"),)),
        ToolMessage("a", "look", ""),
    )
    said = chat_messages(Prompt("", messages), Dialect(empty=empty, nothing_empty=True))

    assert said[1]["content"] == content
    assert said[2]["content"] == "(empty)"
    absent = chat_messages(Prompt("", messages), Dialect(empty=EmptyText.ABSENT))
    assert "content" not in absent[1]


def test_no_escape_breaks_a_strict_server_and_names_are_legal() -> None:
    args = '{"paths":["a\\u0000b\\ud83d"]}'
    messages = (
        UserMessage("a\0b\ud83d"),
        AssistantMessage("", (ToolCall("a", "read_files<|channel|>commentary", args),)),
        ToolMessage("a", "read_files", {"text": "\0"}),
    )
    said = chat_messages(Prompt("s\0", messages))
    text = json.dumps(said)

    assert "\\u0000" not in text
    assert "\\ud83d" not in text
    assert said[2]["tool_calls"][0]["function"]["name"] == "read_files"
    assert len(chat_tools([ToolSpec("mcp.x:" + "y" * 90, "", {})])[0]["function"]["name"]) == 64


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        (
            "function_declarations[0].parameters.properties: should be non-empty for OBJECT type",
            {"name": "end_turn", "description": "x" * 2_000},
        ),
        (
            "Invalid 'tools[0].function.description': string too long. Expected a maximum of 1024.",
            {
                "name": "end_turn",
                "description": "x" * 1_000 + "…",
                "parameters": {"type": "object", "properties": {}},
            },
        ),
    ],
)
async def test_a_tool_is_described_as_the_server_takes_it(words, sent, egress) -> None:
    end = ToolSpec("end_turn", "x" * 2_000, {"type": "object", "properties": {}})
    with Replay(http_json({"error": {"message": words}}, 400), text_answer("ok")) as server:
        model = Streamed(OpenAIChat(endpoint(server.base_url), "m", egress).ask)
        said = await ask(model, Prompt("", (UserMessage("x"),), (end,)))

    assert said.text == "ok"
    assert server.bodies[1]["tools"][0]["function"] == sent


def test_only_words_of_a_schema_are_left_out_never_a_parameter_of_that_name() -> None:
    words = frozenset({"minLength", "additionalProperties"})
    (tool,) = chat_tools([TOOL], Dialect(schema_words=words))

    assert tool["function"]["parameters"] == {
        "type": "object",
        "properties": {"minLength": {"type": "string"}},
    }


def test_what_a_service_is_known_for_needs_no_refusal() -> None:
    at_mistral = known_dialect(Kind.OPENAI, "https://api.mistral.ai/v1")

    assert (at_mistral.call_ids, at_mistral.thoughts) == (CallIds.NINE, Thoughts.NEVER)
    assert known_dialect(Kind.OPENAI, "https://api.groq.com/openai/v1").thoughts is Thoughts.NEVER
    assert all(known_dialect(kind, "http://127.0.0.1:1/v1") == OPENAI_LIKE for kind in Kind)
    assert OPENAI_LIKE.with_learnt({"call_ids": "odd", "omitted": 3, "x": 1}) == OPENAI_LIKE


async def test_an_id_that_is_plain_already_is_made_shorter_where_it_is_refused(egress) -> None:
    words = "Tool call id was call_49c89af0 but must be a-z, A-Z, 0-9, with a length of 9."
    messages = (
        UserMessage("x"),
        AssistantMessage("", (ToolCall("call_49c89af0", "look", "{}"),)),
        ToolMessage("call_49c89af0", "look", "r"),
    )
    with Replay(http_json({"message": words}, 400), text_answer("ok")) as server:
        at = endpoint(server.base_url)
        said = await ask(Streamed(OpenAIChat(at, "m", egress).ask), Prompt("", messages))

    assert said.text == "ok"
    assert re.fullmatch("[a-zA-Z0-9]{9}", server.bodies[1]["messages"][2]["tool_call_id"])
