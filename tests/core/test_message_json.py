import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.core.errors import ToolError
from inhouse.core.message_json import messages_from_json, messages_to_json
from inhouse.core.messages import (
    AssistantMessage,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
arguments = st.dictionaries(texts, values, max_size=3).map(
    lambda members: json.dumps(members, ensure_ascii=False)
)
calls = st.builds(ToolCall, texts, texts, arguments)
messages = st.lists(
    st.one_of(
        st.builds(SystemMessage, texts),
        st.builds(
            UserMessage,
            texts,
            st.lists(st.sampled_from(["A", "STEP_PROMPT"]), max_size=2).map(tuple),
        ),
        st.builds(AssistantMessage, texts, st.lists(calls, max_size=2).map(tuple), texts),
        st.builds(ToolMessage, texts, texts, values, st.booleans()),
    ),
    max_size=6,
).map(tuple)


@given(messages)
def test_messages_survive_the_way_there_and_back(history):
    assert messages_from_json(json.loads(json.dumps(messages_to_json(history)))) == history


def test_the_shape_is_codebuffs():
    history = (
        UserMessage("hi", ("USER_PROMPT",)),
        AssistantMessage("look", (ToolCall("1", "read_files", '{"paths": ["a"]}'),), "hm"),
        ToolMessage("1", "read_files", [{"path": "a"}]),
    )

    assert messages_to_json(history) == [
        {"role": "user", "content": [{"type": "text", "text": "hi"}], "tags": ["USER_PROMPT"]},
        {
            "role": "assistant",
            "content": [
                {"type": "reasoning", "text": "hm"},
                {"type": "text", "text": "look"},
                {
                    "type": "tool-call",
                    "toolCallId": "1",
                    "toolName": "read_files",
                    "input": {"paths": ["a"]},
                },
            ],
        },
        {
            "role": "tool",
            "toolCallId": "1",
            "toolName": "read_files",
            "content": [{"type": "json", "value": [{"path": "a"}]}],
        },
    ]


def test_content_may_be_a_text():
    assert messages_from_json([{"role": "user", "content": "hi"}]) == (UserMessage("hi"),)


def test_an_older_form_of_results_is_understood():
    old = {
        "role": "tool",
        "content": {
            "type": "tool-result",
            "toolCallId": "1",
            "toolName": "t",
            "output": [{"type": "json", "value": 7}],
        },
    }

    assert messages_from_json([old]) == (ToolMessage("1", "t", 7),)


@pytest.mark.parametrize("wrong", [7, "x", {}, [{"role": "robot"}], [7]])
def test_what_are_no_messages_is_an_error_that_says_what_would_be(wrong):
    with pytest.raises(ToolError, match="role"):
        messages_from_json(wrong)
