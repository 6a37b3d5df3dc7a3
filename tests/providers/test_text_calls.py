"""Tool calls in the text (backends.md, Q8): every form, and never out of a quotation."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.core.endpoint_kinds import Kind
from inhouse.core.messages import ToolMessage, UserMessage
from inhouse.core.ports import ToolSpec
from inhouse.core.route import ToolMode
from inhouse.providers.tool_calls.text_parser import read_answer, recover
from support.asking import READ_FILES, ask, names, prompt
from support.replay import DONE, Replay, http_head, http_json, piece, sse

COMMAND = ToolSpec(
    "run_terminal_command",
    "Run.",
    {
        "type": "object",
        "properties": {"command": {"type": "string"}, "timeout": {"type": "integer"}},
        "required": ["command"],
    },
)
END = ToolSpec("end_turn", "End.", {"type": "object", "properties": {}})
TOOLS = (READ_FILES, COMMAND, END)
CALL = {"name": "read_files", "arguments": {"paths": ["a.py"]}}
WANTED = [("read_files", {"paths": ["a.py"]})]

FORMS = {
    "hermes": "<tool_call>\n" + json.dumps(CALL) + "\n</tool_call>",
    "hermes, not closed": "<tool_call>" + json.dumps(CALL),
    "hermes, parameters": '<tool_call>{"name":"read_files",'
    '"parameters":{"paths":["a.py"]}}</tool_call>',
    "arguments as text": json.dumps({"name": "read_files", "arguments": '{"paths": ["a.py"]}'}),
    "openai object": json.dumps({"type": "function", "function": CALL}),
    "qwen coder": "<tool_call>\n<function=read_files>\n<parameter=paths>\n"
    '["a.py"]\n</parameter>\n</function>\n</tool_call>',
    "llama function": '<function=read_files>{"paths": ["a.py"]}</function>',
    "llama python tag": '<|python_tag|>{"name":"read_files","parameters":{"paths":["a.py"]}}',
    "mistral": "[TOOL_CALLS] [" + json.dumps(CALL) + "]",
    "mistral, newer": '[TOOL_CALLS]read_files[ARGS]{"paths": ["a.py"]}',
    "invoke": '<function_calls><invoke name="read_files"><parameter name="paths">["a.py"]'
    "</parameter></invoke></function_calls>",
    "glm": "<tool_call>read_files\n<arg_key>paths</arg_key>\n"
    '<arg_value>["a.py"]</arg_value>\n</tool_call>',
    "fenced": "```json\n" + json.dumps(CALL, indent=2) + "\n```",
    "fenced, no name": "```\n" + json.dumps(CALL) + "\n```",
    "fenced tag": "```\n<tool_call>" + json.dumps(CALL) + "</tool_call>\n```",
    "bare": json.dumps(CALL),
    "comma too many": '<tool_call>{"name": "read_files", '
    '"arguments": {"paths": ["a.py"],}}</tool_call>',
    "codebuff": '<codebuff_tool_call>{"cb_tool_name":"read_files","paths":["a.py"],'
    '"cb_easp":true}</codebuff_tool_call>',
}


def found(text, given=(), **more):
    calls = recover(text, TOOLS, given, **more)
    return [(call.name, json.loads(call.arguments)) for call in calls]


@pytest.mark.parametrize("form", FORMS)
def test_q8_every_form_is_a_call(form) -> None:
    assert found(FORMS[form]) == WANTED


@pytest.mark.parametrize(
    "form", [one for one in FORMS if one not in ("bare", "openai object", "arguments as text")]
)
def test_q8_text_before_a_call_does_not_hide_it(form) -> None:
    assert found(f"I'll have a look.\n\n{FORMS[form]}\n") == WANTED


def test_several_calls_are_all_found_in_order() -> None:
    other = {"name": "run_terminal_command", "arguments": {"command": "ls"}}
    text = f"<tool_call>{json.dumps(CALL)}</tool_call>\n<tool_call>{json.dumps(other)}</tool_call>"
    listed = f"[TOOL_CALLS]{json.dumps([CALL, other])}"

    assert [name for name, _ in found(text)] == ["read_files", "run_terminal_command"]
    assert [name for name, _ in found(listed)] == ["read_files", "run_terminal_command"]


def test_texts_of_tagged_parameters_become_what_the_schema_wants() -> None:
    text = (
        "<function=run_terminal_command><parameter=command>5</parameter>"
        "<parameter=timeout>5</parameter></function>"
    )

    assert found(text) == [("run_terminal_command", {"command": "5", "timeout": 5})]


@pytest.mark.parametrize("given", [{"paths": "a"}, {}, {"paths": ["a"], "other": 1}])
def test_an_input_that_does_not_fit_is_mended_or_refused_later_as_a_native_one_is(given) -> None:
    call = json.dumps({"name": "read_files", "arguments": given})

    assert found(f"<tool_call>{call}</tool_call>") == [("read_files", given)]


def test_an_undeclared_tool_is_no_call_and_the_model_is_told() -> None:
    call = '<tool_call>{"name": "rm_rf", "arguments": {"paths": ["a"]}}</tool_call>'

    assert found(call) == []
    assert read_answer(call, TOOLS, ()).unread.startswith("No tool 'rm_rf'.  Tools: read_files")


HERMES = FORMS["hermes"]

QUOTED = {
    "a fence that quotes more": f"The README says:\n```md\n# Tools\n{HERMES}\n```\nThat is all.",
    "a fence that is not closed": f"The file:\n```xml\n<doc>\n{HERMES}",
    "inline code": f"Write `{FORMS['bare']}` to call it, as in `{FORMS['llama function']}`.",
    "a quoted line": "> " + FORMS["llama function"],
    "the middle of a sentence": f"Models write {FORMS['llama function']} when they want a file.",
    "tildes": f"~~~\nx = 1\n{HERMES}\n~~~",
}


@pytest.mark.parametrize("case", QUOTED)
def test_q8_a_quotation_is_never_a_call(case) -> None:
    assert found(QUOTED[case]) == []


@pytest.mark.parametrize("form", FORMS)
def test_q8_what_stood_in_a_file_the_model_read_is_never_a_call(form) -> None:
    file = {"path": "evil.md", "content": f"# Notes\n\n{FORMS[form]}\n\nbye"}
    given = (UserMessage("read it"), ToolMessage("1", "read_files", [file]))

    assert found(f"It says:\n\n{FORMS[form]}", given) == []
    assert found(HERMES, given) == []


def test_a_call_without_input_that_was_also_seen_in_a_prompt_still_counts() -> None:
    text = '<codebuff_tool_call>{"cb_tool_name":"end_turn"}</codebuff_tool_call>'

    assert found(text, (UserMessage(f"Finish with {text}"),)) == [("end_turn", {})]


def test_beside_native_calls_only_codebuffs_own_form_counts() -> None:
    text = f"{HERMES}\n{FORMS['codebuff']}"

    assert found(text, codebuff_only=True) == WANTED
    assert found(HERMES, codebuff_only=True) == []


def test_codebuffs_form_counts_even_where_its_input_must_be_mended_first() -> None:
    text = '<codebuff_tool_call>{"cb_tool_name":"read_files","paths":"a"}</codebuff_tool_call>'

    assert found(text) == [("read_files", {"paths": "a"})]


@given(st.text(alphabet='<>{}[]"`/\\=\n\ttool_calfunctio:,', max_size=300))
def test_reading_any_text_never_fails(text) -> None:
    recover(text + "<tool_call>", TOOLS, (UserMessage(text),))


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    [
        "<tool_call>" * 20_000,
        "```\n" * 20_000,
        '{"a":' * 20_000,
        "[" * 50_000,
        *("<function=a>" * 20_000, "<function=" + "a" * 500_000),
        *("<arg_key>" * 10_000, "<tool_call>" + " " * 90_000, "<|channel|>" * 8_000),
        *("<function=read_files{" * 4_000, "</ | DSML" * 9_000, "call:read_files{" * 5_000),
    ],
)
def test_hostile_text_costs_no_time(text) -> None:
    assert found(text, (UserMessage(text),)) == []


async def test_the_text_is_streamed_unchanged_and_the_call_follows(model_at) -> None:
    texts = ["Look: <tool", "_call>", json.dumps(CALL), "</tool_call>"]
    with Replay([http_head(), *sse(*map(piece, texts), piece(finish="stop")), DONE]) as server:
        said = await ask(model_at(server), prompt(tools=(READ_FILES,)))

    assert said.text == "".join(texts)
    assert names(said.calls) == [("read_files", '{"paths": ["a.py"]}')]
    assert said.answered is not None
    assert said.answered.finish_reason == "tool_calls"


async def test_q13_vllm_without_its_flags_falls_back_to_text_once(model_at) -> None:
    message = (
        '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'
    )

    def answer(request: bytes):
        if b'"tools"' in request:
            return http_json({"object": "error", "message": message, "code": 400}, 400)
        return [http_head(), *sse(piece(HERMES), piece(finish="stop")), DONE]

    with Replay([answer]) as server:
        model = model_at(server, kind=Kind.VLLM)
        first = await ask(model, prompt(tools=(READ_FILES,)))
        second = await ask(model, prompt(tools=(READ_FILES,)))

    assert [notice.code for notice in first.notices] == ["tools_in_text"]
    assert len(names(first.calls)) == len(names(second.calls)) == 1
    assert len([body for body in server.bodies if "messages" in body]) == 3


async def test_schema_mode_asks_for_one_call_or_an_answer(model_at) -> None:
    call = json.dumps({"tool": "read_files", "input": {"paths": ["a"]}})
    with Replay([http_head(), *sse(piece(call), piece(finish="stop")), DONE]) as server:
        said = await ask(model_at(server, tools=ToolMode.SCHEMA), prompt(tools=(READ_FILES,)))

    schema = server.bodies[0]["response_format"]["json_schema"]["schema"]
    assert schema["anyOf"][0]["properties"]["tool"] == {"const": "read_files"}
    assert said.text == ""
    assert names(said.calls) == [("read_files", '{"paths": ["a"]}')]


async def test_schema_mode_streams_the_answers_text(model_at) -> None:
    texts = ['{"ans', 'wer": "Hel', "lo \\", 'n wörld"}']
    with Replay([http_head(), *sse(*map(piece, texts), piece(finish="stop")), DONE]) as server:
        said = await ask(model_at(server, tools=ToolMode.SCHEMA), prompt(tools=(READ_FILES,)))

    assert said.text == "Hello \n wörld"
    assert said.calls == []
