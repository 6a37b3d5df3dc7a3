"""Chat Completions as servers really speak it: rows of backends.md, replayed over loopback.

The pieces are built from the servers' documented formats; the row is named in each test.
"""

import asyncio
import itertools
import json
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inhouse.core.errors import (
    ContextOverflowError,
    ProviderError,
    ToolsUnsupportedError,
    UserError,
)
from inhouse.core.events import Answered, UsageReported
from inhouse.core.messages import AssistantMessage, ToolCall, ToolMessage, UserMessage
from inhouse.core.ports import Prompt
from inhouse.core.secret import Secret
from inhouse.core.urls import base_url
from inhouse.providers.model_factory import connect
from inhouse.providers.network.egress import Egress
from support.asking import READ_FILES, ask, endpoint, names, prompt
from support.replay import (
    DONE,
    HOLD,
    RESET,
    Pause,
    Replay,
    http_head,
    http_json,
    piece,
    sse,
    text_answer,
    usage_piece,
)

FINISH = piece(finish="stop")


def call_piece(finish: str | None = None, **entry):
    return piece(tool_calls=[entry], finish=finish)


async def test_a_well_behaved_answer_arrives_whole(model_at) -> None:
    with Replay(text_answer("Hel", "lo ", "wörld 🐈")) as server:
        said = await ask(model_at(server))

    assert said.error is None
    assert said.text == "Hello wörld 🐈"
    assert said.usage == UsageReported(5, 3)
    assert said.answered == Answered("stop", "m")


async def test_no_key_is_sent_as_the_word_unused(model_at) -> None:
    with Replay(text_answer("x")) as server:
        await ask(model_at(server))

    assert b"authorization: bearer unused" in server.requests[0].lower()


async def test_nothing_of_the_environment_travels(model_at, monkeypatch) -> None:
    for name in ("ORG_ID", "PROJECT_ID", "ADMIN_KEY", "BASE_URL", "API_KEY", "CUSTOM_HEADERS"):
        monkeypatch.setenv(f"OPENAI_{name}", "X-Canary: canary-7")
    with Replay(text_answer("x")) as server:
        said = await ask(model_at(server, headers={"x-mine": "1"}))

    assert said.error is None
    assert b"canary" not in server.requests[0]
    assert b"x-stainless" not in server.requests[0].lower()
    assert b"x-mine: 1" in server.requests[0].lower()


# Q5, Q6


async def test_q5_an_error_at_the_end_of_a_stream_without_finish_reason_is_a_failure(
    model_at,
) -> None:
    answer = [http_head(), *sse(piece("so far"), {"id": "1", "choices": []})]
    with Replay(answer) as server:
        said = await ask(model_at(server))

    assert said.text == "so far"
    assert isinstance(said.error, ProviderError)
    assert "without a finish reason" in str(said.error)


async def test_q6_ollamas_reasoning_whole_calls_and_usage_without_choices(model_at) -> None:
    call = {
        "id": "call_1",
        "index": 0,
        "type": "function",
        "function": {"name": "read_files", "arguments": '{"paths":["a"]}'},
    }
    answer = [
        http_head(),
        *sse(
            piece("", reasoning="let me "),
            piece("", reasoning="see"),
            piece("", tool_calls=[call]),
            piece("", finish="tool_calls"),
            usage_piece(9, 4),
        ),
        DONE,
    ]
    with Replay(answer) as server:
        said = await ask(model_at(server), prompt(tools=(READ_FILES,)))

    assert said.error is None
    assert said.reasoning == "let me see"
    assert names(said.calls) == [("read_files", '{"paths":["a"]}')]
    assert said.usage == UsageReported(9, 4)
    assert said.answered is not None
    assert said.answered.finish_reason == "tool_calls"


async def test_several_whole_calls_that_all_have_index_0_stay_apart(model_at) -> None:
    entries = [
        {"index": 0, "id": f"c{i}", "function": {"name": "t", "arguments": f'{{"n":{i}}}'}}
        for i in range(3)
    ]
    answer = [http_head(), *sse(*(piece(tool_calls=[one]) for one in entries), FINISH), DONE]
    with Replay(answer) as server:
        said = await ask(model_at(server))

    assert names(said.calls) == [("t", '{"n":0}'), ("t", '{"n":1}'), ("t", '{"n":2}')]


# Q9, Q10


async def test_q9_llama_cpps_overflow_carries_both_numbers(model_at) -> None:
    error = {
        "code": 400,
        "message": "the request exceeds the available context size, try increasing it",
        "type": "exceed_context_size_error",
        "n_prompt_tokens": 9000,
        "n_ctx": 4096,
    }
    with Replay(http_json({"error": error}, 400)) as server:
        said = await ask(model_at(server))

    assert isinstance(said.error, ContextOverflowError)
    assert (said.error.needed, said.error.window) == (9000, 4096)
    assert "9,000" in str(said.error)
    assert "4,096" in str(said.error)


@pytest.mark.parametrize(
    ("message", "needed", "window"),
    [
        (
            (
                "This model's maximum context length is 8192 tokens. However, you requested 9001 "
                "tokens (8000 in the messages, 1001 in the completion)."
            ),
            9001,
            8192,
        ),
        (
            (
                "This endpoint's maximum context length is 32768 tokens. However, you "
                "requested about 40000 tokens"
            ),
            40000,
            32768,
        ),
        (
            "The decoder prompt (length 5000) is longer than the maximum model length of 4096.",
            None,
            4096,
        ),
    ],
)
async def test_overflow_is_recognised_in_the_words_of_others(
    model_at, message, needed, window
) -> None:
    with Replay(http_json({"error": {"message": message}}, 400)) as server:
        said = await ask(model_at(server))

    assert isinstance(said.error, ContextOverflowError)
    assert said.error.window == window
    assert needed is None or said.error.needed == needed


async def test_q10_names_repeated_while_streaming_are_one_call(model_at) -> None:
    answer = [
        http_head(),
        *sse(
            call_piece(index=0, id=None, type="function", function={"name": "read_files"}),
            call_piece(index=0, id=None, function={"name": "read_files", "arguments": '{"pat'}),
            call_piece(index=0, function={"name": "read_files", "arguments": 'hs":["a"]}'}),
            piece(finish="tool_calls"),
        ),
        DONE,
    ]
    with Replay(answer) as server:
        said = await ask(model_at(server), prompt(tools=(READ_FILES,)))

    assert names(said.calls) == [("read_files", '{"paths":["a"]}')]
    assert said.calls[0].id


async def test_calls_without_any_index_are_merged_by_id(model_at) -> None:
    answer = [
        http_head(),
        *sse(
            call_piece(id="a", function={"name": "t", "arguments": '{"x"'}),
            call_piece(id="a", function={"arguments": ":1}"}),
            call_piece(id="b", function={"name": "t", "arguments": '{"x":2}'}),
            piece(finish="tool_calls"),
        ),
        DONE,
    ]
    with Replay(answer) as server:
        said = await ask(model_at(server))

    assert names(said.calls) == [("t", '{"x":1}'), ("t", '{"x":2}')]


async def test_q10_history_has_an_id_for_every_call_and_result(model_at) -> None:
    messages = (
        UserMessage("u"),
        AssistantMessage("", (ToolCall("", "t", "{}"), ToolCall("", "t", "{"))),
        ToolMessage("", "t", {"ok": 1}),
        ToolMessage("", "t", "two"),
        AssistantMessage("", (ToolCall("call_0", "t", "{}"),)),
        ToolMessage("call_0", "t", "three"),
        AssistantMessage("lost", (ToolCall("gone", "t", "{}"),)),
        ToolMessage("unasked", "t", "x"),
        UserMessage("broken \ud800 half"),
    )
    with Replay(text_answer("x")) as server:
        said = await ask(model_at(server), Prompt("be brief", messages))

    assert said.error is None
    sent = server.bodies[0]["messages"]
    calls = [call for m in sent for call in m.get("tool_calls", ())]
    results = [m for m in sent if m["role"] == "tool"]
    assert [call["id"] for call in calls] == [m["tool_call_id"] for m in results]
    assert len({call["id"] for call in calls}) == 3
    assert all(isinstance(json.loads(c["function"]["arguments"]), dict) for c in calls)
    assert sent[-1]["content"] == "broken \ufffd half"
    assert sent[-2] == {"role": "assistant", "content": "lost"}


# Q12, Q13, Q14


@pytest.mark.parametrize("after", [[HOLD], [RESET], [b"data: x\n\n"] * 50 + [HOLD]])
async def test_q12_what_follows_done_is_neither_waited_for_nor_said(model_at, after) -> None:
    with Replay([http_head(), *sse(piece("hi"), FINISH), DONE, *after]) as server:
        async with asyncio.timeout(20):
            said = await ask(model_at(server, idle_timeout=300.0))

    assert said.error is None
    assert said.text == "hi"


async def test_a_whole_body_that_breaks_off_is_a_clear_error(model_at) -> None:
    with Replay([http_head(), b'{"choices": [', RESET]) as server:
        said = await ask(model_at(server))

    assert isinstance(said.error, ProviderError)
    assert "'box'" in str(said.error)


async def test_q12_no_done_is_fine_after_a_finish_reason(model_at) -> None:
    with Replay([http_head(), *sse(piece("hi"), FINISH)]) as server:
        said = await ask(model_at(server))

    assert said.error is None
    assert said.text == "hi"


async def test_q12_a_server_that_stays_on_the_line_after_the_end_does_not_hold_us(model_at) -> None:
    with Replay([http_head(), *sse(piece("hi"), FINISH), HOLD]) as server:
        said = await asyncio.wait_for(ask(model_at(server)), 10)

    assert said.error is None
    assert said.text == "hi"


async def test_a_last_event_without_its_blank_line_counts(model_at) -> None:
    with Replay([http_head(), *sse(piece("hi")), sse(FINISH)[0].rstrip(b"\n")]) as server:
        said = await ask(model_at(server))

    assert said.error is None


async def test_q14_stop_with_tool_calls_and_content_null(model_at) -> None:
    answer = [
        http_head(),
        *sse(
            {"choices": [{"delta": {"role": "assistant", "content": None}}]},
            {
                "choices": [
                    {
                        "delta": {
                            "content": None,
                            "tool_calls": [
                                {"index": 0, "id": "1", "function": {"name": "t", "arguments": ""}}
                            ],
                        },
                        "finish_reason": "stop",
                    }
                ]
            },
        ),
        DONE,
    ]
    with Replay(answer) as server:
        said = await ask(model_at(server))

    assert said.error is None
    assert names(said.calls) == [("t", "{}")]
    assert said.answered is not None
    assert said.answered.finish_reason == "tool_calls"


@pytest.mark.parametrize("end", [(), (DONE,)])
async def test_q14_a_finish_reason_that_never_comes_is_a_failure(end, model_at) -> None:
    pieces = [piece("a"), {"choices": [{"delta": {}}]}]
    with Replay([http_head(), *sse(*pieces), *end]) as server:
        said = await ask(model_at(server))

    assert isinstance(said.error, ProviderError)
    assert said.text == "a"


# Q16


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning", "reasoning_text"])
async def test_q16_thinking_in_any_spelling(model_at, key) -> None:
    with Replay([http_head(), *sse(piece(**{key: "hm"}), piece("yes"), FINISH), DONE]) as server:
        said = await ask(model_at(server))

    assert (said.reasoning, said.text) == ("hm", "yes")


async def test_q16_two_spellings_at_once_with_the_same_text_count_once(model_at) -> None:
    both = [piece(reasoning=text, reasoning_content=text) for text in ("a", "b")]
    answer = [http_head(), *sse(*both, piece("<think>ab</think>yes"), FINISH), DONE]
    with Replay(answer) as server:
        said = await ask(model_at(server))

    assert (said.reasoning, said.text) == ("ab", "yes")


@given(cuts=st.lists(st.integers(0, 40), max_size=8))
@settings(max_examples=30, deadline=None)
async def test_q16_think_tags_in_the_content_are_cut_out_wherever_the_pieces_break(cuts) -> None:
    whole = "<think>deep < thought</think>It is <think>.</think>"
    edges = sorted({0, *(min(cut, len(whole)) for cut in cuts), len(whole)})
    texts = [whole[a:b] for a, b in itertools.pairwise(edges)]
    async with Egress() as egress:
        with Replay([http_head(), *sse(*map(piece, texts), FINISH), DONE]) as server:
            said = await ask(connect(endpoint(server.base_url), "m", egress=egress))

    assert said.reasoning == "deep < thought"
    assert said.text == "It is <think>.</think>"


# Q17


async def test_q17_silence_before_the_first_token_has_its_own_limit(model_at) -> None:
    with Replay([http_head(), HOLD]) as server:
        said = await ask(model_at(server, first_token_timeout=0.3, idle_timeout=60))

    assert "said nothing for 0.3 s" in str(said.error)
    assert "firstTokenTimeout" in str(said.error)


async def test_q17_no_headers_at_all_is_silence_too(model_at) -> None:
    with Replay([HOLD]) as server:
        said = await ask(model_at(server, first_token_timeout=0.3, idle_timeout=60))

    assert "firstTokenTimeout" in str(said.error)


async def test_q17_a_first_piece_that_says_nothing_is_not_the_first_token(model_at) -> None:
    role = {"choices": [{"delta": {"role": "assistant", "content": ""}}]}
    with Replay([http_head(), *sse(role), Pause(1), *sse(piece("x"), FINISH), DONE]) as server:
        said = await ask(model_at(server, first_token_timeout=30, idle_timeout=0.2))

    assert said.text == "x"


async def test_q17_silence_in_the_middle_keeps_what_was_said(model_at) -> None:
    with Replay([http_head(), *sse(piece("half")), HOLD]) as server:
        said = await ask(model_at(server, idle_timeout=0.3))

    assert said.text == "half"
    assert "idleTimeout" in str(said.error)


async def test_q17_a_drip_of_pings_is_silence(model_at) -> None:
    drip = [step for _ in range(40) for step in (b": ping\n\n", Pause(0.05))]
    with Replay([http_head(), *sse(piece("half")), *drip]) as server:
        said = await ask(model_at(server, idle_timeout=0.4))

    assert "idleTimeout" in str(said.error)


async def test_q17_a_slow_but_steady_answer_has_no_total_limit(model_at) -> None:
    slow = [step for _ in range(10) for step in (*sse(piece("x")), Pause(0.1))]
    with Replay([http_head(), *slow, *sse(FINISH), DONE]) as server:
        said = await ask(model_at(server, idle_timeout=0.5, first_token_timeout=0.5))

    assert said.error is None
    assert said.text == "x" * 10


# Q18, Q19: errors and retries


async def test_q18_a_busy_server_is_asked_again_by_one_loop_only(model_at) -> None:
    busy = http_json({"error": {"message": "slow down"}}, 429, retry_after="0")
    with Replay(busy, busy, text_answer("ok")) as server:
        said = await ask(model_at(server))

    assert said.text == "ok"
    assert len(server.requests) == 3
    assert [notice.code for notice in said.notices] == ["retrying", "retrying"]


async def test_q18_it_gives_up_after_four_tries(model_at) -> None:
    busy = http_json({"error": {"message": "slow down"}}, 503, retry_after="0")
    with Replay(busy) as server:
        said = await ask(model_at(server))

    assert len(server.requests) == 4
    assert "slow down" in str(said.error)


async def test_q18_retry_after_is_waited_for(model_at) -> None:
    busy = http_json({"error": {"message": "slow down"}}, 429, retry_after="1")
    with Replay(busy, text_answer("ok")) as server:
        begin = time.monotonic()
        said = await ask(model_at(server))

    assert said.text == "ok"
    assert time.monotonic() - begin >= 1


async def test_q18_a_pause_that_is_too_long_is_reported_instead(model_at) -> None:
    busy = http_json({"error": {"message": "tomorrow"}}, 429, retry_after="86400")
    with Replay(busy) as server:
        said = await ask(model_at(server))

    assert len(server.requests) == 1
    assert "tomorrow" in str(said.error)


async def test_q18_after_the_first_token_nothing_is_asked_again(model_at) -> None:
    with Replay([http_head(), *sse(piece("half")), RESET], text_answer("again")) as server:
        said = await ask(model_at(server))

    assert said.text == "half"
    assert len(server.requests) == 1
    assert "broke in the middle" in str(said.error)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422])
async def test_q19_what_another_try_cannot_help_is_asked_once(model_at, status) -> None:
    with Replay(http_json({"error": {"message": "no, because"}}, status)) as server:
        said = await ask(model_at(server))

    assert len([path for path in server.paths if path.endswith("completions")]) == 1
    assert isinstance(said.error, ProviderError)
    for word in ("no, because", "'box'", "'m'", str(status)):
        assert word in str(said.error)


async def test_q19_a_wrong_key_says_which_and_where_it_is_set_but_never_the_key(model_at) -> None:
    echo = {"error": {"message": "Incorrect API key provided: sk-canary-1"}}
    with Replay(http_json(echo, 401)) as server:
        said = await ask(model_at(server, api_key=Secret("sk-canary-1")))

    assert "inhouse key set box" in str(said.error)
    assert "inhouse.toml, endpoints.box" in str(said.error)
    assert "canary" not in str(said.error)


async def test_q19_a_web_page_with_status_200_says_what_may_be_wrong_with_the_url(egress) -> None:
    page = b"<!DOCTYPE html><html><body>Ollama is running</body></html>"
    with Replay([http_head(200, "text/html"), page]) as server:
        root = await ask(connect(endpoint(server.root), "m", egress=egress))
        said = await ask(connect(endpoint(server.base_url), "m", egress=egress))

    assert "lacks /v1" in str(root.error)
    assert "lacks /v1" not in str(said.error)
    assert "look with a browser" in str(said.error)


async def test_q19_a_redirect_is_not_followed_and_the_key_stays(model_at) -> None:
    with Replay(text_answer("gotcha")) as thief:
        head = http_head(307, location=f"http://127.0.0.1:{thief.port}/v1/chat/completions")
        with Replay([head]) as server:
            said = await ask(model_at(server, api_key=Secret("k")))

        assert thief.requests == []
    assert "redirects (307)" in str(said.error)


async def test_q19_a_dead_server_is_named_with_its_remedy(model_at) -> None:
    with Replay(text_answer("x")) as server:
        model = model_at(server)

    said = await ask(model)

    assert isinstance(said.error, ProviderError)
    assert "Is 'box' running?" in str(said.error)
    assert server.base_url in str(said.error)


async def test_q19_a_reset_before_anything_was_said_is_tried_again(model_at) -> None:
    with Replay([RESET], text_answer("ok")) as server:
        said = await ask(model_at(server))

    assert said.text == "ok"


async def test_q19_invalid_json_in_one_piece_is_one_clear_error(model_at) -> None:
    with Replay([http_head(), *sse(piece("a")), b"data: {nope\n\n", DONE]) as server:
        said = await ask(model_at(server))

    assert said.text == "a"
    assert "not JSON" in str(said.error)
    assert "nope" not in str(said.error)


async def test_q19_an_error_in_the_stream_keeps_what_was_said(model_at) -> None:
    failed = {"error": {"message": "CUDA out of memory", "code": 500}}
    with Replay([http_head(), *sse(piece("a"), failed)]) as server:
        said = await ask(model_at(server))

    assert said.text == "a"
    assert "CUDA out of memory" in str(said.error)
    assert len(server.requests) == 1


async def test_q19_an_endless_line_ends_in_an_error_not_in_memory(model_at) -> None:
    endless = [b"data: " + b"x" * 1_000_000] + [b"x" * 1_000_000] * 20
    with Replay([http_head(), *endless]) as server:
        said = await ask(model_at(server))

    assert isinstance(said.error, ProviderError)


async def test_q19_endless_headers_end_in_an_error(model_at) -> None:
    with Replay([b"HTTP/1.1 200 OK\r\n", *([b"x-a: " + b"y" * 1000 + b"\r\n"] * 5000)]) as server:
        said = await ask(model_at(server))

    assert isinstance(said.error, ProviderError)


async def test_q19_a_compressed_answer_is_refused_unread(model_at) -> None:
    with Replay([http_head(content_encoding="gzip"), b"\x1f\x8b\x08", HOLD]) as server:
        said = await ask(model_at(server))

    assert "compressed" in str(said.error)


async def test_q19_an_endless_error_page_is_read_only_a_little(model_at) -> None:
    page = [b"z" * 65536] * 100
    with Replay([http_head(400, "text/plain"), *page, HOLD]) as server:
        said = await asyncio.wait_for(ask(model_at(server)), 20)

    assert isinstance(said.error, ProviderError)
    assert len(str(said.error)) < 1000


async def test_a_whole_json_answer_of_a_server_that_does_not_stream_counts(model_at) -> None:
    whole = {
        "model": "m2",
        "choices": [{"message": {"content": "all at once"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2},
    }
    with Replay(http_json(whole)) as server:
        said = await ask(model_at(server))

    assert said.text == "all at once"
    assert said.answered == Answered("stop", "m2")


# Q20, Q21


async def test_q20_an_unknown_model_lists_what_the_server_has(model_at) -> None:
    missing = {"error": {"message": "model 'anthropic/claude' not found"}}
    models = {"object": "list", "data": [{"id": "qwen3:4b"}, {"id": "llama3"}]}

    def by_path(request: bytes):
        return http_json(models) if request.startswith(b"GET") else http_json(missing, 404)

    with Replay([by_path]) as server:
        said = await ask(model_at(server, model="anthropic/claude"))

    assert "qwen3:4b, llama3" in str(said.error)
    assert "inhouse.endpoints.box.models" in str(said.error)


# The stream itself


@given(
    text=st.text(min_size=1, max_size=60),
    cuts=st.lists(st.integers(1, 400), max_size=30),
    newline=st.sampled_from([b"\n", b"\r\n", b"\r"]),
    noise=st.booleans(),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
async def test_joined_text_is_the_models_text_byte_for_byte_wherever_packets_break(
    text, cuts, newline, noise
) -> None:
    text = text.encode("utf-8", "replace").decode()
    if text.lstrip().startswith("<"):
        text = "x" + text
    half = len(text) // 2
    pieces = [piece(text[:half]), piece(text[half:]), FINISH]
    body = b""
    for one in pieces:
        data = json.dumps(one, ensure_ascii=False).encode()
        body += (b": ping" + newline * 2 + b"event: message" + newline) if noise else b""
        body += b"data: " + data + newline * 2
    body += b"data: [DONE]" + newline * 2
    edges = sorted({0, *(min(cut, len(body)) for cut in cuts), len(body)})
    steps = [body[a:b] for a, b in itertools.pairwise(edges)]
    async with Egress() as egress:
        with Replay([http_head(), *steps]) as server:
            said = await ask(connect(endpoint(server.base_url), "m", egress=egress))

    assert said.error is None
    assert said.text == text


async def test_half_a_surrogate_pair_at_a_pieces_end_is_joined(model_at) -> None:
    first, second = b'data: {"choices":[{"delta":{"content":"', b'"}}]}\n\n'
    answer = [
        http_head(),
        first + rb"a\ud83d" + second,
        first + rb"\udc08b" + second,
        *sse(FINISH),
        DONE,
    ]
    with Replay(answer) as server:
        said = await ask(model_at(server))

    assert said.text == "a\U0001f408b"


async def test_leaving_the_stream_closes_the_connection_at_once(model_at) -> None:
    with Replay([http_head(), *sse(piece("a")), HOLD]) as server:
        said = await ask(model_at(server), stop_after=1)
        left = time.monotonic()
        assert await asyncio.to_thread(server.gone.wait, 5)

    assert said.text == "a"
    assert server.gone_at is not None
    assert server.gone_at - left < 1


@pytest.mark.parametrize("after", [0.0, 0.01, 0.05, 0.1, 0.2])
async def test_a_cancelled_task_leaves_no_connection_behind(model_at, after) -> None:
    answer = [Pause(0.05), http_head(), Pause(0.05), *sse(piece("a")), HOLD]
    with Replay(answer) as server:
        task = asyncio.create_task(ask(model_at(server)))
        await asyncio.sleep(after)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        if server.requests:
            assert await asyncio.to_thread(server.gone.wait, 5)


async def test_a_unix_socket_serves_as_well(model_at) -> None:
    with Replay(text_answer("over a socket"), unix=True) as server:
        said = await ask(model_at(server))

    assert said.text == "over a socket"
    assert server.paths == ["/v1/chat/completions"]


async def test_no_tools_error_is_told_apart(model_at) -> None:
    message = '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be'
    with Replay(http_json({"error": {"message": message}}, 400)) as server:
        said = await ask(model_at(server), prompt())

    assert isinstance(said.error, ToolsUnsupportedError)


async def test_no_log_holds_a_prompt_or_a_key_even_at_the_finest_level(model_at, caplog) -> None:
    caplog.set_level("DEBUG")
    with Replay(text_answer("canary-answer")) as server:
        key = Secret("canary-key")
        await ask(model_at(server, api_key=key), prompt("canary-prompt"))

    assert "canary" not in caplog.text


async def test_a_key_in_a_header_is_not_repeated_in_an_error(model_at) -> None:
    echo = http_json({"error": {"message": "no such key: canary-key-9"}}, 401)
    with Replay(echo) as server:
        said = await ask(model_at(server, headers={"x-api-key": "canary-key-9"}))

    assert b"x-api-key: canary-key-9" in server.requests[0].lower()
    assert "canary" not in str(said.error)


@pytest.mark.parametrize("own", [True, False])
async def test_azure_gets_its_version_and_its_key_in_a_header_of_its_own(
    model_at, own, egress
) -> None:
    key = {"headers": {"api-key": "sk-azure-1"}} if own else {"api_key": Secret("sk-azure-1")}
    with Replay(text_answer("Hello")) as server:
        text = f"{server.root}/openai/deployments/d/chat/completions?api-version=2024-10-21"
        at = endpoint(base_url(text), **key)
        said = await ask(connect(at, "d", egress=egress))

    assert said.text == "Hello"
    assert server.paths == ["/openai/deployments/d/chat/completions?api-version=2024-10-21"]
    head = server.requests[0].lower()
    assert b"api-key: sk-azure-1" in head
    assert b"authorization" not in head
    assert base_url("https://team.openai.azure.com") == "https://team.openai.azure.com/openai/v1"


@pytest.mark.parametrize("method", ["chat/completions", "models", "responses", "models/"])
def test_an_address_that_was_copied_with_its_method_is_the_base_url(method: str):
    assert base_url(f"https://llm.example.com/v1/{method}") == "https://llm.example.com/v1"
    assert base_url("https://llm.example.com/models") == "https://llm.example.com/models"


KEYS = [
    "sk-proj-abcdefghijklmnop1234",
    "sk-proj-Ab1-cdefghijkl_mnop",
    "gsk_abcdefghijkl12345678",
    "hf_AbcdefghijklmnopQrstuvwxyzabcdefghi",
    "fw_3Zabcdefghijklmnopqrst",
    "AbCdEfGhIjKlMnOpQrStUvWx12345678",
    "0123456789abcdef" * 2,
    "f" * 64,
    "Ab1" * 14 + "==",
    "Ab-1" * 10,
]
HOSTS = [
    "hf-llama-server-1",
    "hf_llama_server_for_inference_1",
    "llama-3-70b-instruct-predictor-default-svc",
    "sk-learn-inference-service",
    "sk-learn-inference-service-20250101",
]


@pytest.mark.parametrize("shape", ["{}", "{}/", "{}/v1", "https://{}", "https://{}:443/v1"])
@pytest.mark.parametrize("key", KEYS)
def test_a_key_in_an_addresss_place_is_refused_and_not_repeated(key: str, shape: str):
    with pytest.raises(UserError, match="looks like a key") as refused:
        base_url(shape.format(key))
    assert key.lower() not in str(refused.value).lower()


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_of_many_words_is_no_key(host: str):
    assert base_url(host) == f"http://{host}"
    assert base_url(f"https://{host}:8080/v1") == f"https://{host}:8080/v1"
    assert base_url("sk-llama.example.com") == "https://sk-llama.example.com"
