import json

from hypothesis import given
from hypothesis import strategies as st

from inhouse.core.messages import (
    AssistantMessage,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from inhouse.loop import RunState
from inhouse.loop.history import answered, joined, repaired

ids = st.sampled_from(["a", "b", "c", ""])
texts = st.text(max_size=5)
calls = st.builds(ToolCall, ids, st.just("t"), st.sampled_from(["{}", '{"a":1}', "{", "7", ""]))
messages = st.lists(
    st.one_of(
        st.builds(UserMessage, texts),
        st.builds(SystemMessage, texts),
        st.builds(AssistantMessage, texts, st.lists(calls, max_size=3).map(tuple), texts),
        st.builds(ToolMessage, ids, st.just("t"), texts),
    ),
    max_size=12,
)


def test_a_call_without_a_result_is_dropped():
    made = AssistantMessage("x", (ToolCall("a", "t", "{}"), ToolCall("b", "t", "{}")))

    assert repaired([made, ToolMessage("b", "t", 1)]) == (
        AssistantMessage("x", (ToolCall("b", "t", "{}"),)),
        ToolMessage("b", "t", 1),
    )


def test_a_result_without_a_call_is_dropped():
    assert repaired([UserMessage("x"), ToolMessage("b", "t", 1)]) == (UserMessage("x"),)


def test_a_result_stands_right_behind_its_call():
    made = AssistantMessage("", (ToolCall("a", "t", "{}"),))

    found = repaired([made, UserMessage("between"), ToolMessage("a", "t", 1)])

    assert found == (made, ToolMessage("a", "t", 1), UserMessage("between"))


def test_a_history_that_is_right_stays_byte_for_byte():
    history = (
        UserMessage("x"),
        AssistantMessage("", (ToolCall("a", "t", '{ "k" :1}'),)),
        ToolMessage("a", "t", {"b": 1}),
        AssistantMessage("done"),
    )

    assert repaired(history) == history


def test_prompts_of_a_step_are_not_for_others():
    assert answered([UserMessage("x"), UserMessage("step", ("STEP_PROMPT",))]) == (
        UserMessage("x"),
    )


@given(messages)
def test_whatever_was_said_strict_servers_accept_it(history):
    found = repaired(history)

    waiting = []
    for message in found:
        if isinstance(message, ToolMessage):
            assert waiting
            assert waiting.pop(0) == message.call_id
            continue
        assert not waiting
        if isinstance(message, AssistantMessage):
            assert message.text or message.tool_calls or message.reasoning
            waiting = [call.id for call in message.tool_calls]
    assert not waiting


@given(st.one_of(st.text(), st.sampled_from(["{", "7", "", "[]", '{"a": "\\ud800"}'])))
def test_arguments_that_are_no_object_never_reach_a_server(arguments):
    state = RunState("run-1")

    state.add(AssistantMessage("", (ToolCall("a", "t", arguments),)))

    assert isinstance(json.loads(state.messages[0].tool_calls[0].arguments), dict)


def test_arguments_that_are_an_object_stay_byte_for_byte():
    state = RunState("run-1")

    state.add(AssistantMessage("", (ToolCall("a", "t", '{ "k" :1}'),)))

    assert state.messages[0].tool_calls[0].arguments == '{ "k" :1}'


@given(messages)
def test_repairing_twice_changes_nothing_more(history):
    assert repaired(repaired(history)) == repaired(history)


@given(messages)
def test_nothing_that_was_said_is_lost(history):
    said = [m for m in history if not isinstance(m, (AssistantMessage, ToolMessage))]

    assert [
        m for m in repaired(history) if not isinstance(m, (AssistantMessage, ToolMessage))
    ] == said


def test_neighbours_of_one_role_reach_a_server_as_one_message_as_codebuff_sends_them():
    call = ToolCall("1", "x", "{}")
    said = (
        UserMessage("one"),
        UserMessage("two"),
        UserMessage("the prompt", ("USER_PROMPT",)),
        UserMessage("the instructions", ("INSTRUCTIONS_PROMPT",)),
        AssistantMessage("a"),
        AssistantMessage("b", (call,), "thought"),
        ToolMessage("1", "x", "done"),
        AssistantMessage("c"),
        SystemMessage("s"),
        SystemMessage("t"),
    )

    assert joined(said) == (
        UserMessage("one\n\ntwo"),
        *said[2:4],
        AssistantMessage("ab", (call,), "thought"),
        *said[6:8],
        SystemMessage("s\n\nt"),
    )
