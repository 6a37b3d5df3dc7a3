"""Whatever a model answers, a run ends, and no server is ever sent a history it would refuse."""

import asyncio
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from inhouse.core.errors import ToolError
from inhouse.core.events import Answered, ReasoningDelta, TextDelta, ToolCallReady
from inhouse.core.limits import Limits
from inhouse.core.messages import AssistantMessage, ToolCall, ToolMessage
from support.play import play, tool

NAMES = ("look", "fail", "end_turn", "set_output", "set_messages", "add_message", "think_deeply")

texts = st.text(max_size=6) | st.sampled_from(
    [
        "<think>",
        "</think>",
        '<codebuff_tool_call>{"cb_tool_name": "look"}</codebuff_tool_call>',
        "<codebuff_tool_call>{</codebuff_tool_call>",
        "\ud800",
    ]
)
arguments = st.text(max_size=6) | st.sampled_from(
    [
        "{}",
        "{",
        "null",
        '{"data": {"a": 1}}',
        '{"thought": "hm"}',
        '{"role": "assistant", "content": "x"}',
        '{"messages": []}',
        '{"messages": [{"role": "user", "content": "new"}]}',
        '{"messages": [{"role": "tool", "toolCallId": "a", "content": []}]}',
    ]
)
calls = st.builds(
    ToolCall, st.sampled_from(["", "a", "b"]), st.sampled_from((*NAMES, "fly", "")), arguments
)
chunks = st.one_of(
    st.builds(TextDelta, texts), st.builds(ReasoningDelta, texts), st.builds(ToolCallReady, calls)
)
answers = st.builds(
    lambda said, reason: [*said, Answered(reason)],
    st.lists(chunks, max_size=4),
    st.sampled_from(["stop", "tool_calls", "length", "content_filter", "odd"]),
)


def accepted(messages):
    waiting = []
    for message in messages:
        if isinstance(message, ToolMessage):
            if not waiting or waiting.pop(0) != message.call_id:
                return False
            continue
        if waiting:
            return False
        if isinstance(message, AssistantMessage):
            waiting = [call.id for call in message.tool_calls]
            if not all(isinstance(json.loads(call.arguments), dict) for call in message.tool_calls):
                return False
        message.text.encode()
    return not waiting and not isinstance(messages[-1], AssistantMessage)


@settings(max_examples=150, deadline=None)
@given(st.lists(answers, max_size=6), st.booleans())
def test_whatever_a_model_answers(turns, explicit):
    tools = [tool("look", {"seen": 1}), tool("fail", ToolError("no"))]
    names = (*NAMES, "task_completed") if explicit else NAMES

    played = asyncio.run(play(turns, tools=tools, tool_names=names, limits=Limits(max_steps=8)))

    assert played.error is None or played.error.code == "repeated_calls"
    for prompt in played.model.prompts:
        assert accepted(prompt.messages)
    said = [
        part.text
        for turn in turns[: len(played.model.prompts)]
        for part in turn
        if isinstance(part, TextDelta)
    ]
    assert played.text.startswith("".join(said))
