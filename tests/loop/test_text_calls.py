import json

from hypothesis import given
from hypothesis import strategies as st

from inhouse.loop.step_text import TextCall, segments

CALL = (
    '<codebuff_tool_call>\n{"cb_tool_name": "look", "cb_easp": true, "n": 1}\n</codebuff_tool_call>'
)


def test_text_and_calls_come_in_order():
    assert list(segments(f"a\n{CALL}\nb{CALL}")) == [
        "a",
        TextCall("look", '{"n": 1}'),
        "b",
        TextCall("look", '{"n": 1}'),
    ]


def test_broken_json_in_a_call_is_mended():
    text = '<codebuff_tool_call>{"cb_tool_name": "look", "n": 1,</codebuff_tool_call>'

    assert list(segments(text)) == [TextCall("look", '{"n": 1}')]


def test_a_call_without_a_name_is_still_seen():
    assert [part.name for part in segments("<codebuff_tool_call>what</codebuff_tool_call>")] == [""]


def test_a_call_that_is_not_closed_is_text():
    assert list(segments("<codebuff_tool_call>{")) == ["<codebuff_tool_call>{"]


@given(st.text())
def test_any_text_is_taken_apart_without_an_error(text):
    for part in segments(f"<codebuff_tool_call>{text}</codebuff_tool_call>"):
        if isinstance(part, TextCall) and part.name:
            json.loads(part.arguments)
