"""Answers as servers really send them, from public reports: each is understood or clearly refused.

Each row is the body of one answer with status 200; what is expected is what the user gets.
"""

import json
from typing import Any

import pytest

from inhouse.core.endpoint_kinds import Kind
from inhouse.core.errors import ProviderError
from inhouse.core.ports import ToolSpec
from inhouse.core.route import ToolMode
from support.asking import READ_FILES, ask, prompt
from support.replay import DONE, Replay, http_head, http_json, ndjson, piece, sse

GLOB = ToolSpec("glob", "Find.", {"type": "object", "properties": {"pattern": {}}})
A, B = '{"paths": ["a"]}', '{"paths": ["b"]}'
STOP, CALLED = piece(finish="stop"), piece(finish="tool_calls")


def call(name: str | None = None, arguments: Any = None, **entry: Any) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {**entry, "function": {key: one for key, one in function.items() if one is not None}}


def calling(*entries: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return piece(None, finish=finish, tool_calls=list(entries))


READ, OTHER, NONE = ("read_files", A), ("read_files", B), ("glob", "{}")
CALLS: dict[str, tuple[list[Any], list[tuple[str, str]]]] = {
    "an empty object first (Bedrock, Gemini)": (
        [calling(call("read_files", "{}", index=0, id="x")), calling(call(None, A, index=0))],
        [READ],
    ),
    "the whole once more (Mistral)": ([calling(call(*READ, index=0, id="x"))] * 2, [READ]),
    "the arguments three times": (
        [calling(call("read_files", "", index=0, id="x")), *[calling(call(None, A, index=0))] * 3],
        [READ],
    ),
    "the last piece twice, without id and index": ([calling(call(*READ))] * 2, [READ]),
    "one id for all, no index": (
        [calling(call(*READ, id="call_0")), calling(call(*OTHER, id="call_0"))],
        [READ, OTHER],
    ),
    "one id and one index for all": (
        [calling(call(*READ, id="0", index=0)), calling(call(*OTHER, id="0", index=0))],
        [READ, OTHER],
    ),
    "one id for two tools in one piece": (
        [calling(call(*READ, id="0"), call(*NONE, id="0"))],
        [READ, NONE],
    ),
    "one index for two tools without arguments": (
        [calling(call("read_files", "", index=0)), calling(call("glob", "", index=0))],
        [("read_files", "{}"), NONE],
    ),
    "an index that is a text": (
        [
            calling(call(*READ, index="0", id="a")),
            calling(call("read_files", B[:5], index="1", id="b")),
            calling(call(None, B[5:], index="1")),
        ],
        [READ, OTHER],
    ),
    "arguments as an object": ([calling(call("read_files", json.loads(A), index=0))], [READ]),
    "a name in two pieces": (
        [calling(call("read", "", index=0, id="1")), calling(call("_files", A, index=0))],
        [READ],
    ),
    "the name with each piece": (
        [calling(call("read_files", part)) for part in (A[:4], A[4:], "")],
        [READ],
    ),
    "function_call, as before there were tools": (
        [
            piece(None, function_call={"name": "read_files", "arguments": ""}),
            piece(None, function_call={"arguments": A}),
        ],
        [READ],
    ),
}


@pytest.mark.parametrize("finish", ["tool_calls", "stop"])
@pytest.mark.parametrize("name", CALLS)
async def test_each_call_arrives_once_however_it_is_streamed(name, finish, model_at) -> None:
    pieces, wanted = CALLS[name]
    with Replay([http_head(), *sse(*pieces, piece(finish=finish)), DONE]) as server:
        said = await ask(model_at(server), prompt(tools=(READ_FILES, GLOB)))

    assert said.error is None
    assert [(one.name, one.arguments) for one in said.calls] == wanted
    assert len({one.id for one in said.calls}) == len(wanted)
    assert said.answered.finish_reason == "tool_calls"


HELLO = [piece("Hel"), piece("lo")]
WHOLE = {"choices": [{"delta": {}, "message": {"content": "Hello"}, "finish_reason": "stop"}]}
MESSAGES = [{"choices": [{"message": {"content": text}}]} for text in ("Hel", "lo")]
SAID: dict[str, list[bytes]] = {
    "the whole message at the end (MiniMax, Perplexity)": [*sse(*HELLO, WHOLE), DONE],
    "messages instead of deltas": [*sse(*MESSAGES, STOP), DONE],
    "a finish reason that is the word null": [
        *sse(piece("Hel", finish="null"), piece("lo"), STOP),
        DONE,
    ],
    "an empty finish reason with each piece (SGLang)": [
        *sse(piece("Hel", finish=""), piece("lo", finish=""), STOP)
    ],
    "the last piece twice": [*sse(*HELLO, STOP, STOP), DONE],
    "[DONE] in quotation marks": [*sse(*HELLO, STOP), b'data: "[DONE]"\n\n'],
    "lines of JSON": ndjson(*HELLO, STOP),
    "lines of JSON in one packet, after a byte order mark": [
        b"\xef\xbb\xbf" + b"".join(ndjson(*HELLO, STOP)).rstrip()
    ],
    "pings of every kind": [
        b": ping\n\n\n\nevent: ping\ndata: {}\n\nevent: ping\ndata: still here\n\ndata: ping\n\n",
        *sse(*HELLO),
        b'data: null\n\nevent: heartbeat\ndata:\n\ndata: {"type": "ping"}\n\n',
        *sse(STOP),
        DONE,
    ],
    "lines of a log in between": [
        *sse(piece("Hel")),
        b"[INFO] slot released\n\n",
        b"[log] next\n" + sse(piece("lo"))[0],
        *sse(STOP),
        DONE,
    ],
    "no space after data, CR line ends": [
        b"".join(b"data:" + json.dumps(one).encode() + b"\r\r" for one in (*HELLO, STOP))
    ],
    "content null beside an empty list of calls": [
        *sse(piece("Hello", tool_calls=[]), calling(finish="stop"), STOP),
        DONE,
    ],
    "usage null in each piece, choices null at the end": [
        *sse(*({**one, "usage": None} for one in (*HELLO, STOP))),
        *sse({"choices": None, "usage": {"prompt_tokens": 5, "completion_tokens": 2}}),
        DONE,
    ],
}


@pytest.mark.parametrize("name", SAID)
async def test_an_answer_is_read_however_it_is_wrapped(name, model_at) -> None:
    with Replay([http_head(), *SAID[name]]) as server:
        said = await ask(model_at(server))

    assert (said.error, said.text) == (None, "Hello")
    assert said.answered.finish_reason == "stop"


@pytest.mark.parametrize(
    "head", [b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"]
)
@pytest.mark.parametrize("chunked", [True, False])
async def test_old_and_odd_http_is_read(head, chunked, model_at) -> None:
    body = b"".join((*sse(*HELLO, STOP), DONE))
    more = b"connection: close\r\n"
    if chunked and b"1.0" not in head:
        more = b"transfer-encoding: chunked\r\n"
        half = len(body) // 2
        parts = (body[:half], body[half:])
        body = b"".join(b"%x;a=b;c\r\n%s\r\n" % (len(one), one) for one in parts) + b"0\r\n\r\n"
    with Replay([head + more + b"content-type: text/event-stream\r\n\r\n" + body]) as server:
        said = await ask(model_at(server))

    assert (said.error, said.text) == (None, "Hello")


@pytest.mark.parametrize(
    "delta",
    [
        {"thinking": "hm"},
        {"reasoning": {"content": "hm"}},
        {"reasoning_details": [{"type": "reasoning.text", "text": "hm"}]},
        {"reasoning": None, "reasoning_details": [{"type": "reasoning.summary", "summary": "hm"}]},
    ],
)
async def test_thoughts_are_found_wherever_they_stand(delta, model_at) -> None:
    with Replay([http_head(), *sse(piece(None, **delta), piece("yes"), STOP), DONE]) as server:
        said = await ask(model_at(server))

    assert (said.reasoning, said.text) == ("hm", "yes")


FAILED: dict[str, tuple[list[bytes], str, str]] = {
    "an error as its own object (vLLM, SGLang)": (
        sse({"object": "error", "message": "engine died", "code": 500}),
        "engine died",
        "unavailable",
    ),
    "an error without data before it": (
        [b'{"error": {"message": "engine died"}}\n\n'],
        "engine died",
        "",
    ),
    "an error without data, over several lines": (
        [b'{\n  "error": {\n    "message": "engine died"\n  }\n}'],
        "engine died",
        "",
    ),
    "an event with plain words": ([b"event: error\ndata: engine died\n\n"], "engine died", ""),
    "data with plain words": ([b"data: Internal: engine died\n\n"], "engine died", "bad_answer"),
    "words that are no event": (
        [b"Internal Server Error: engine died\n"],
        "engine died",
        "broken_stream",
    ),
    "a web page in the stream": (
        [b"<html><head><title>502 engine died</title></head></html>\n\n"],
        "502 engine died",
        "broken_stream",
    ),
    "status in the body (MiniMax)": (
        sse(
            {
                "choices": None,
                "base_resp": {"status_code": 1008, "status_msg": "insufficient balance"},
            }
        ),
        "insufficient balance",
        "quota",
    ),
    "an event of OpenAI": (
        [b'event: error\ndata: {"error": {"type": "server_error", "message": "it died"}}\n\n'],
        "it died",
        "unavailable",
    ),
    "an event of Anthropic": (
        [b"event: error\n", *sse({"error": {"type": "overloaded_error", "message": "Too busy"}})],
        "Too busy",
        "unavailable",
    ),
    "a list in an event (Gemini)": (
        sse([{"error": {"code": 503, "message": "It is overloaded.", "status": "UNAVAILABLE"}}]),
        "It is overloaded.",
        "unavailable",
    ),
    "a list over several lines (Gemini)": (
        [b'[{\n  "error": {\n    "code": 429,\n    "message": "Retry in 3.8s."\n  }\n}\n]\n'],
        "Retry in 3.8s.",
        "rate_limited",
    ),
    "a piece with an error and a reason (OpenRouter)": (
        sse({**piece("", finish="error"), "error": {"code": "server_error", "message": "it left"}}),
        "it left",
        "unavailable",
    ),
    "an error in a choice (OpenRouter)": (
        sse({"choices": [{"delta": {}, "error": {"code": 502, "message": "it broke"}}]}),
        "it broke",
        "unavailable",
    ),
    "a reason of the provider's (OpenRouter)": (
        sse(
            {
                "choices": [
                    {"delta": {}, "finish_reason": "error", "native_finish_reason": "network_x"}
                ]
            }
        ),
        "the model failed: network_x",
        "",
    ),
    "the engine (vLLM)": (
        sse({"error": {"object": "error", "message": "EngineCore", "type": "x", "code": 500}}),
        "EngineCore",
        "unavailable",
    ),
    "a text in an event (LM Studio)": (
        [b'event: error\ndata: {"error": "The model has crashed"}\n\n'],
        "The model has crashed",
        "",
    ),
    "a number as text (LiteLLM)": (
        sse({"error": {"message": "RateLimitError: try again in 3s", "type": "x", "code": "429"}}),
        "RateLimitError",
        "rate_limited",
    ),
    "a text and its kind (TGI)": (
        [b'data:{"error":"Model is overloaded","error_type":"overloaded"}\n\n'],
        "Model is overloaded",
        "unavailable",
    ),
    "a filter (Azure)": (
        sse({"error": {"message": "content management policy", "code": "content_filter"}}),
        "content management policy",
        "moderation",
    ),
    "an exception as key (Bedrock)": (
        sse({"modelStreamErrorException": {"message": "it went wrong"}}),
        "it went wrong",
        "",
    ),
    "a number alone": (sse({"error": 500}), "(500)", "unavailable"),
    "a number beside the error": (sse({"error": True, "code": 503}), "(503)", "unavailable"),
    "words and a number beside the error": (
        sse({"error": True, "message": "every slot is taken", "code": 503}),
        "every slot is taken",
        "unavailable",
    ),
    "a number as text beside the error": (
        sse({"error": 1, "code": "429"}),
        "(429)",
        "rate_limited",
    ),
    "lists in lists": (
        [b"data: " + b"[" * 600 + b"]" * 600 + b"\n\n"],
        "not a chat completion",
        "bad_answer",
    ),
    "a reason that is an object (SGLang)": (
        sse({"choices": [{"delta": {}, "finish_reason": {"type": "abort", "message": "no room"}}]}),
        "no room",
        "",
    ),
    "a reason that says it was aborted (vLLM)": (sse(piece(finish="abort")), "abort", ""),
    "a reason that says it is busy (DeepSeek)": (
        sse(piece(finish="insufficient_system_resource")),
        "insufficient_system_resource",
        "unavailable",
    ),
    "a detail alone (FastAPI)": (sse({"detail": "Not authenticated"}), "Not authenticated", ""),
}


@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize("name", FAILED)
async def test_what_a_server_says_in_a_stream_when_it_fails_is_quoted(
    name, begun, model_at
) -> None:
    steps, words, code = FAILED[name]
    start = sse(piece("so far")) if begun else []
    with Replay([http_head(), b": hi\n\n", *start, *steps]) as server:
        said = await ask(model_at(server))

    assert isinstance(said.error, ProviderError)
    assert words in str(said.error)
    assert not code or said.error.code == code
    assert said.text == ("so far" if begun else "")


@pytest.mark.parametrize(
    "reason", ["MALFORMED_FUNCTION_CALL", "function_call_filter: MALFORMED_FUNCTION_CALL"]
)
async def test_a_call_that_the_service_could_not_read_is_told_to_both(reason, model_at) -> None:
    with Replay([http_head(), *sse(piece(finish=reason)), DONE]) as server:
        said = await ask(model_at(server), prompt(tools=(READ_FILES,)))

    assert said.error is None
    assert ["MALFORMED" in one.message for one in said.notices] == [True, False]
    assert "no call arrived" in said.answered.unread


@pytest.mark.parametrize(
    ("reason", "known"),
    [
        ("model_context_window_exceeded", "length"),
        ("SENSITIVE", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("model_length", "length"),
        ("max_length", "length"),
        ("token_limit", "length"),
        ("time_limit", "length"),
        ("content_filtered", "content_filter"),
        ("guardrail_intervened", "content_filter"),
        ("IMAGE_SAFETY", "content_filter"),
        ("STOP", "stop"),
        ("something_new", "stop"),
    ],
)
async def test_why_an_answer_ended_is_said_in_openais_words(reason, known, model_at) -> None:
    with Replay([http_head(), *sse(piece("hi", finish=reason)), DONE]) as server:
        said = await ask(model_at(server))

    assert (said.error, said.text, said.answered.finish_reason) == (None, "hi", known)


GROQ = {"message": "Failed to call a function.", "code": "tool_use_failed"}
UNREAD = {
    "Groq": lambda it: {"error": {**GROQ, "failed_generation": it}},
    "llama.cpp": lambda it: {
        "error": {"code": 500, "message": f"Failed to parse input at pos 12: {it}", "type": "x"}
    },
    "Ollama": lambda it: {
        "error": f"error parsing tool call: raw='{it}', err=invalid character ']' after value"
    },
}
"""How servers say that they could not read their own model's call."""
TAGGED = '<function=read_files>\n<parameter=paths>\n[\n"a  b"\n]\n</parameter>\n</function>'
WRITTEN = {
    "a call": ('<function=read_files{"paths": ["a"]}</function>', [READ]),
    "values with white space": (TAGGED, [("read_files", '{"paths": ["a  b"]}')]),
    "words": ("I would read the file.", []),
    "an input": (A, []),
    "nothing": ("", []),
}


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("server", UNREAD)
@pytest.mark.parametrize("name", WRITTEN)
async def test_a_call_that_a_server_could_not_read_is_read_here(
    name, server, streamed, model_at
) -> None:
    written, calls = WRITTEN[name]
    error = UNREAD[server](written)
    answer = http_json(error, 500 if server != "Groq" else 400)
    if streamed:
        answer = [http_head(), b"event: error\n", *sse(error)]
    with Replay(answer) as replay:
        said = await ask(model_at(replay), prompt(tools=(READ_FILES,)))

    assert said.error is None
    assert [(one.name, one.arguments) for one in said.calls] == calls
    assert bool(said.answered.unread) is not bool(calls)
    assert [one for one in replay.paths if "chat" in one] == ["/v1/chat/completions"]


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_call_that_ollama_could_not_read_is_told_to_the_model(streamed, model_at) -> None:
    error = UNREAD["Ollama"]("ls -R\n")
    answer = [http_head(200, "application/x-ndjson"), *ndjson(error)]
    with Replay(answer if streamed else http_json(error, 500)) as replay:
        at = model_at(replay, kind=Kind.OLLAMA, context_window=4096, tools=ToolMode.NATIVE)
        said = await ask(at, prompt(tools=(READ_FILES,)))

    assert (said.error, said.text) == (None, "ls -R\n")
    assert "no call arrived" in said.answered.unread


ASKED = json.dumps({"name": "read_files", "arguments": {"paths": ["a"]}})
THOUGHT = f"<think>One way:\n<tool_call>{ASKED}</tool_call>"
NOT_MEANT = {
    "in a thought": (f"{THOUGHT}\nno, unsafe.</think>\nI do not.", "I do not."),
    "in a thought that is cut off": (THOUGHT, ""),
    **{f"cut off at {at}": (ASKED[:at], ASKED[:at]) for at in range(len(ASKED))},
}


@pytest.mark.parametrize("name", NOT_MEANT)
async def test_what_a_server_could_not_read_is_not_run_if_the_model_may_not_mean_it(
    name, model_at
) -> None:
    written, text = NOT_MEANT[name]
    with Replay(http_json(UNREAD["Groq"](written), 400)) as server:
        said = await ask(model_at(server), prompt(tools=(READ_FILES,)))

    assert (said.error, said.calls, said.text.strip()) == (None, [], text.strip())
    assert said.answered.unread
    assert [one.code for one in said.notices] == ["call_in_text"]


@pytest.mark.parametrize("whole", [True, False])
async def test_words_that_were_streamed_before_are_not_told_twice(whole, model_at) -> None:
    words, call = "I read it.\n", WRITTEN["a call"][0]
    error = UNREAD["Groq"](words * whole + call)
    used = {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 7}}
    with Replay([http_head(), *sse(piece(words), used, error)]) as server:
        said = await ask(model_at(server), prompt(tools=(READ_FILES,)))

    assert (said.error, said.text) == (None, words + call)
    assert [one.name for one in said.calls] == ["read_files"]
    assert said.usage.output_tokens == 7


@pytest.mark.parametrize("code", ["json_validate_failed", "tool_use_failed"])
async def test_nothing_written_is_no_answer_where_no_call_was_asked_for(code, model_at) -> None:
    error = {"error": {"message": "Failed.", "code": code, "failed_generation": ""}}
    with Replay(http_json(error, 400), http_json(error, 400)) as server:
        said = await ask(model_at(server))

    assert said.error is not None


async def test_an_answer_that_fits_a_tools_input_is_an_answer(model_at) -> None:
    with Replay([http_head(), *sse(piece(A), piece(finish="stop")), DONE]) as server:
        said = await ask(model_at(server), prompt(tools=(READ_FILES,)))

    assert (said.text, said.notices, said.answered.unread) == (A, [], "")


async def test_a_quotation_that_a_server_could_not_read_is_not_run(model_at) -> None:
    form = WRITTEN["a call"][0]
    with Replay(http_json(UNREAD["Groq"](form), 400)) as server:
        said = await ask(model_at(server), prompt(f"Explain {form}", tools=(READ_FILES,)))

    assert not said.calls


PAGES = {
    "<html><head><title>Nur einen Moment…</title></head></html>": "challenge",
    "<html><head><title>x</title><script>_cf_chl_opt={}</script></head></html>": "challenge",
    "<!-- (C) -->\n<!DOCTYPE html><html><head><title>Anmelden</title></head></html>": "login",
    '<html><body><form><input name=p type="password"></form></body></html>': "login",
    "<html><head><title>Open WebUI</title></head></html>": "bad_answer",
}


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_with_status_200_is_named_as_what_it_is(page, model_at) -> None:
    with Replay([http_head(200, "text/html"), page.encode()]) as server:
        said = await ask(model_at(server))

    assert said.error.code == PAGES[page]


async def test_a_protection_page_with_status_200_is_named_as_one(model_at) -> None:
    page = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>"
    with Replay([http_head(200, "text/html"), page]) as server:
        said = await ask(model_at(server))

    assert said.error.code == "challenge"


async def test_an_unknown_model_is_answered_with_those_that_are_called_alike(model_at) -> None:
    many = [{"id": f"vendor{number}/model-{number}"} for number in range(5_000)]
    many[4_321] = {"id": "qwen/qwen3-coder:free"}
    no = http_json({"error": {"message": "model not found"}}, 404)
    with Replay(no, http_json({"data": many})) as server:
        said = await ask(model_at(server, "qwen3-coder"))

    assert "It has: qwen/qwen3-coder:free, " in str(said.error)
    assert "and 4,980 more" in str(said.error)
    assert '{"qwen3-coder": "qwen/qwen3-coder:free"}' in str(said.error)


async def test_a_redirect_on_the_same_server_shows_its_path(model_at) -> None:
    moved = http_json({}, 307, location="/v1/chat/completions/")
    with Replay(moved) as server:
        said = await ask(model_at(server))

    assert "redirects (307) to /v1/chat/completions/" in str(said.error)
