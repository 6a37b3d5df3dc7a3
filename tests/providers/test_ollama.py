"""Ollama over its own API, replayed from its documented formats."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inhouse.core.definition import AgentDefinition
from inhouse.core.endpoint_kinds import Kind
from inhouse.core.errors import ContextOverflowError, ProviderError, RefusedError
from inhouse.core.events import UsageReported
from inhouse.core.messages import AssistantMessage, Image, ToolCall, ToolMessage, UserMessage
from inhouse.core.ports import Prompt
from inhouse.core.route import Privacy
from inhouse.providers.chat.ollama import window_for
from inhouse.providers.model_factory import connect
from inhouse.providers.network.egress import Egress, EgressPolicy
from support.asking import READ_FILES, ask, endpoint, names, prompt
from support.fake_servers import ollama, routes
from support.replay import HOLD, RESET, Replay, http_head, http_json, ndjson

MODEL = "qwen3:4b"


def line(content: str = "", **more):
    message = {"role": "assistant", "content": content, **more}
    return {"model": MODEL, "message": message, "done": False}


def done(reason: str = "stop", read: int = 12):
    return {
        "model": MODEL,
        "message": {"role": "assistant", "content": ""},
        "done": True,
        "done_reason": reason,
        "prompt_eval_count": read,
        "eval_count": 3,
    }


def chat(*lines):
    return [http_head(200, "application/x-ndjson"), *ndjson(*lines)]


def at(server: Replay, **more):
    return endpoint(server.root, Kind.OLLAMA, **more)


async def answer_of(server: Replay, asked: Prompt | None = None, *, definition=None, **more):
    async with Egress() as egress:
        model = connect(at(server, **more), MODEL, egress=egress, definition=definition)
        return await ask(model, asked)


def chats(server: Replay):
    return [body for body in server.bodies if "messages" in body]


async def test_text_thinking_tools_and_usage_arrive() -> None:
    call = {"function": {"name": "read_files", "arguments": {"paths": ["a"]}}}
    lines = (line(thinking="hm"), line("Hel"), line("lo"), line(tool_calls=[call]), done())
    with Replay(ollama(chat=chat(*lines))) as server:
        said = await answer_of(server, prompt(tools=(READ_FILES,)))

    assert said.error is None
    assert (said.reasoning, said.text) == ("hm", "Hello")
    assert names(said.calls) == [("read_files", '{"paths": ["a"]}')]
    assert said.usage == UsageReported(12, 3)
    assert said.answered is not None
    assert (said.answered.finish_reason, said.answered.model) == ("tool_calls", MODEL)


async def test_q1_q2_the_window_is_sized_and_truncation_refused() -> None:
    with Replay(ollama(chat=chat(line("x"), done()))) as server:
        await answer_of(server, keep_alive="10m")
        await answer_of(server, prompt("word " * 6000), keep_alive="-1")

    first, second = chats(server)
    assert first["truncate"] is False
    assert first["shift"] is False
    assert first["options"]["num_ctx"] == 4096
    assert first["keep_alive"] == "10m"
    assert second["options"]["num_ctx"] == 16384
    assert second["keep_alive"] == -1


@pytest.mark.parametrize(
    ("need", "most", "loaded", "window"),
    [
        (100, 40960, None, 4096),
        (4097, 40960, None, 8192),
        (33000, 40960, None, 40960),
        (50000, 40960, None, 40960),
        (3000, 40960, 32768, 32768),
        (9000, 40960, 4096, 16384),
        (9000, None, None, 16384),
    ],
)
def test_q2_the_window_grows_in_fixed_steps(need, most, loaded, window) -> None:
    assert window_for(need, most=most, loaded=loaded) == window


async def test_q2_a_prompt_beyond_the_models_own_window_is_refused_with_both_numbers() -> None:
    with Replay(ollama(chat=chat(line("x"), done()), window=8192)) as server:
        said = await answer_of(server, prompt("word " * 20_000))

    assert isinstance(said.error, ContextOverflowError)
    assert said.error.window == 8192
    assert chats(server) == []


async def test_q2_too_few_tokens_read_is_a_warning() -> None:
    with Replay(ollama(chat=chat(line("x"), done(read=4096)))) as server:
        said = await answer_of(server, prompt("word " * 7000))

    assert [notice.code for notice in said.notices] == ["truncated"]
    assert "4,096" in said.notices[0].message


@pytest.mark.parametrize("name", [MODEL, "gpt-oss:120b-cloud"])
async def test_q4_a_cloud_model_is_refused_under_local_only_before_a_byte_of_the_prompt(
    name,
) -> None:
    policy = EgressPolicy(Privacy.LOCAL_ONLY, "config.toml, privacy")
    with Replay(ollama(chat=chat(line("x"), done()), remote=name == MODEL)) as server:
        async with Egress(policy) as egress:
            said = await ask(connect(at(server), name, egress=egress), prompt("canary-77"))

    assert isinstance(said.error, RefusedError)
    assert "cloud" in str(said.error)
    assert "config.toml, privacy" in str(said.error)
    assert not any(b"canary-77" in request for request in server.requests)


async def test_a_local_model_runs_under_local_only() -> None:
    policy = EgressPolicy(Privacy.LOCAL_ONLY)
    with Replay(ollama(chat=chat(line("x"), done()))) as server:
        async with Egress(policy) as egress:
            said = await ask(connect(at(server), MODEL, egress=egress))

    assert said.error is None


@pytest.mark.parametrize(
    ("options", "think"),
    [
        ({"enabled": False}, False),
        ({"effort": "none"}, False),
        ({"enabled": True}, True),
        ({"effort": "low"}, "low"),
    ],
)
async def test_q7_thinking_is_switched_for_a_model_that_can(options, think) -> None:
    definition = AgentDefinition("a", "A", MODEL, reasoning_options=options)
    answers = chat(line("x"), done())
    with Replay(ollama(chat=answers, capabilities=("completion", "thinking"))) as server:
        await answer_of(server, definition=definition)

    assert chats(server)[0]["think"] == think


async def test_q7_think_is_not_sent_to_a_model_that_cannot() -> None:
    definition = AgentDefinition("a", "A", MODEL, reasoning_options={"enabled": True})
    with Replay(ollama(chat=chat(line("x"), done()))) as server:
        await answer_of(server, definition=definition)

    assert "think" not in chats(server)[0]


async def test_q21_a_model_without_tools_gets_them_in_its_text() -> None:
    text = '<tool_call>\n{"name": "read_files", "arguments": {"paths": ["a"]}}\n</tool_call>'
    with Replay(ollama(chat=chat(line(text), done()), capabilities=("completion",))) as server:
        said = await answer_of(server, prompt(tools=(READ_FILES,)))

    assert names(said.calls) == [("read_files", '{"paths": ["a"]}')]
    assert said.text == text
    assert "tools" not in chats(server)[0]
    assert "read_files" in chats(server)[0]["messages"][0]["content"]


async def test_q21_does_not_support_tools_is_tried_once_and_then_known() -> None:
    def answer(body):
        if "tools" in body:
            return http_json({"error": f"{MODEL} does not support tools"}, 400)
        return chat(line("plain"), done())

    with Replay(ollama(chat=answer, capabilities=())) as server:
        async with Egress() as egress:
            model = connect(at(server), MODEL, egress=egress)
            first = await ask(model, prompt(tools=(READ_FILES,)))
            second = await ask(model, prompt(tools=(READ_FILES,)))

    assert first.error is second.error is None
    assert [notice.code for notice in first.notices] == ["tools_in_text"]
    assert second.notices == []
    assert sum("tools" in body for body in chats(server)) == 1


async def test_history_is_sent_in_ollamas_words() -> None:
    messages = (
        UserMessage("u"),
        AssistantMessage("", (ToolCall("1", "read_files", '{"paths":["a"]}'),)),
        ToolMessage("1", "read_files", {"a": "text"}),
    )
    with Replay(ollama(chat=chat(line("x"), done()))) as server:
        await answer_of(server, Prompt("s", messages, (READ_FILES,)))

    sent = chats(server)[0]["messages"]
    assert sent[2]["tool_calls"] == [
        {"id": "1", "function": {"name": "read_files", "arguments": {"paths": ["a"]}}}
    ]
    assert (sent[3]["role"], sent[3]["tool_name"]) == ("tool", "read_files")


async def test_thoughts_go_back_with_their_calls_to_the_model_that_had_them_alone() -> None:
    call = {"function": {"name": "read_files", "arguments": {"paths": ["a"]}}}
    lines = chat(line(thinking="I need "), line(thinking="a."), line(tool_calls=[call]), done())
    with Replay(ollama(chat=lines)) as server, Replay(ollama(chat=lines)) as other:
        said = await answer_of(server, prompt(tools=(READ_FILES,)))
        assert said.answered is not None
        messages = (
            UserMessage("u"),
            AssistantMessage("", tuple(said.calls), said.reasoning, said.answered.origin),
            ToolMessage(said.calls[0].id, "read_files", {"a": "text"}),
        )
        await answer_of(server, Prompt("s", messages, (READ_FILES,)))
        await answer_of(other, Prompt("s", messages, (READ_FILES,)))

    assert chats(server)[-1]["messages"][2]["thinking"] == "I need a."
    assert "I need a." not in str(chats(other))


async def test_a_stream_that_ends_before_done_is_a_failure_that_keeps_the_text() -> None:
    with Replay(ollama(chat=chat(line("half")))) as server:
        said = await answer_of(server)

    assert said.text == "half"
    assert isinstance(said.error, ProviderError)


async def test_an_error_line_in_the_stream_is_a_failure() -> None:
    lines = chat(line("half"), {"error": "llama runner process has terminated"})
    with Replay(ollama(chat=lines)) as server:
        said = await answer_of(server)

    assert said.text == "half"
    assert "llama runner" in str(said.error)


async def test_a_missing_model_lists_what_there_is() -> None:
    missing = http_json({"error": "model 'x' not found"}, 404)
    with Replay(ollama(chat=missing)) as server:
        async with Egress() as egress:
            said = await ask(connect(at(server), "anthropic/claude", egress=egress))

    assert MODEL in str(said.error)
    assert "inhouse.endpoints.box.models" in str(said.error)


async def test_under_local_only_a_missing_model_is_told_before_the_prompt_is_sent() -> None:
    steps = routes({"/api/tags": {"models": [{"name": MODEL, "model": MODEL}]}})
    with Replay(steps) as server:
        async with Egress(EgressPolicy(Privacy.LOCAL_ONLY)) as egress:
            said = await ask(connect(at(server), "other", egress=egress), prompt("canary"))

    assert MODEL in str(said.error)
    assert "'other'" in str(said.error)
    assert not any(b"canary" in request for request in server.requests)


async def test_a_reset_and_a_silence_are_clear_errors() -> None:
    with Replay(ollama(chat=[*chat(line("half")), RESET])) as server:
        reset = await answer_of(server)
    with Replay(ollama(chat=[*chat(line("half")), HOLD])) as server:
        silent = await answer_of(server, idle_timeout=0.3)

    assert "broke in the middle" in str(reset.error)
    assert "idleTimeout" in str(silent.error)


async def test_leaving_closes_the_connection() -> None:
    with Replay(ollama(chat=[*chat(line("a")), HOLD])) as server:
        async with Egress() as egress:
            await ask(connect(at(server), MODEL, egress=egress), stop_after=1)
            assert await asyncio.to_thread(server.gone.wait, 5)


@given(text=st.text(max_size=40), cuts=st.lists(st.integers(1, 300), max_size=20))
@settings(max_examples=25, deadline=None)
async def test_joined_text_is_exact_wherever_packets_break(text, cuts) -> None:
    text = "x" + text.encode("utf-8", "replace").decode()
    body = b"".join(ndjson(line(text[:3]), line(text[3:]), done()))
    edges = sorted({0, *(min(cut, len(body)) for cut in cuts), len(body)})
    steps = [body[a:b] for a, b in zip(edges, edges[1:], strict=False)]  # noqa: RUF007
    with Replay(ollama(chat=[http_head(200, "application/x-ndjson"), *steps])) as server:
        said = await answer_of(server)

    assert said.text == text


async def test_pictures_go_beside_the_text_and_are_no_words_of_the_prompt() -> None:
    base64 = "aGk=" * 100_000
    asked = Prompt("", (UserMessage("look", (), (Image(base64, "image/jpeg"),)),))
    sees = ("completion", "tools", "vision")
    with Replay(ollama(chat=chat(line("seen"), done()), capabilities=sees)) as server:
        said = await answer_of(server, asked)

    assert said.error is None
    (body,) = chats(server)
    assert body["messages"] == [{"role": "user", "content": "look", "images": [base64]}]


async def test_one_answer_may_take_half_of_the_window_that_is_asked_for() -> None:
    with Replay(ollama(chat=chat(line("x"), done()))) as server:
        await answer_of(server, prompt("word " * 6000, tools=(READ_FILES,)))

    assert chats(server)[0]["options"]["num_predict"] == 8192
