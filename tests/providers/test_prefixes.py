"""What a server's prefix cache can keep: each request begins with the one before, to the letter."""

import itertools
import json

import pytest

from inhouse.core.message_json import PROJECT_FILES
from inhouse.core.messages import AssistantMessage, ToolCall, ToolMessage, UserMessage
from inhouse.core.ports import Prompt
from inhouse.core.route import ToolMode
from inhouse.providers.dialect.chat_request import chat_messages
from inhouse.providers.tool_calls.modes import SchemaAnswer, in_mode
from inhouse.tools.specs import spec

TOOLS = tuple(map(spec, ("read_files", "write_file", "str_replace", "code_search")))
CALC = "def sub(a, b):\n    return b - a\n"
EDIT = {"path": "calc.py", "instructions": "", "content": CALC.replace("b - a", "a - b")}
STEPS = (
    (
        AssistantMessage("I look.", (ToolCall("1", "read_files", '{"paths": ["calc.py"]}'),)),
        ToolMessage("1", "read_files", [{"path": "calc.py", "content": CALC}]),
    ),
    (
        AssistantMessage(
            "",
            (
                ToolCall("2", "write_file", json.dumps(EDIT)),
                ToolCall("3", "code_search", '{"pattern": "sub", "cwd": "."}'),
            ),
        ),
        ToolMessage("2", "write_file", {"file": "calc.py", "message": "Changed calc.py."}),
        ToolMessage("3", "code_search", {"stdout": "Found 1 matches\ncalc.py:1", "message": "ok"}),
    ),
    (AssistantMessage("Half done."), UserMessage("<system>Continue.</system>")),
    (
        AssistantMessage("", (ToolCall("4", "read_files", '{"paths": ["no.py"]}'),)),
        ToolMessage("4", "read_files", {"errorMessage": "There is no file."}, failed=True),
    ),
    (AssistantMessage("Done."), UserMessage("And now the tests.")),
)


@pytest.mark.parametrize("mode", ToolMode)
def test_each_request_of_a_run_begins_with_the_one_before(mode) -> None:
    shown = UserMessage(f"calc.py\n```python\n{CALC}```", (PROJECT_FILES,))
    messages = (shown, UserMessage("Fix sub in calc.py."))
    requests = []
    for step in ((), *STEPS):
        messages = (*messages, *step)
        asked = in_mode(Prompt("You are a programmer.", messages, TOOLS), mode)
        requests.append((asked.tools, asked.output_schema, chat_messages(asked)))

    for before, after in itertools.pairwise(requests):
        assert after[:2] == before[:2]
        assert after[2][: len(before[2])] == before[2]


@pytest.mark.parametrize(
    "raw",
    ['{"tool": "read_files", "input": {"paths":  ["a.py"]}}', '{"answer": "It is \\"done\\"."}'],
)
def test_an_answer_held_to_a_schema_stands_in_the_next_request_as_it_was_written(raw) -> None:
    answer = SchemaAnswer()
    said = answer.take(raw)
    rest, call = answer.end()
    message = AssistantMessage(said + rest, (call,) if call else ())
    results = (ToolMessage(call.id, call.name, "text"),) if call else ()

    asked = in_mode(Prompt("", (UserMessage("go"), message, *results), TOOLS), ToolMode.SCHEMA)

    assert chat_messages(asked)[2]["content"] == raw
