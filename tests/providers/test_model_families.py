# ruff: noqa: E501, RUF001  # forms as they come
"""What each family of models writes into its text where a server has no reader for it (Q29 to Q31).

A call that names a declared tool is recovered; what a marker begins and nothing could be made of
is a warning with the server's flag; thoughts are no part of the answer.
"""

import json

import pytest

from inhouse.core.endpoint_kinds import Kind
from inhouse.core.events import ThoughtSoFar
from inhouse.core.messages import ToolCall, UserMessage
from inhouse.core.ports import ToolSpec
from inhouse.core.route import ToolMode
from inhouse.providers.chat.think_tags import ThinkingText, end_of_lone_thoughts
from inhouse.providers.tool_calls.dirty_calls import understood
from inhouse.providers.tool_calls.text_parser import read_answer
from support.asking import READ_FILES, ask, prompt
from support.replay import DONE, Replay, http_head, piece, sse

ARGS = '{"paths": ["a.txt"]}'
BAR = "｜"
CALLS = {
    "Hermes, Qwen": f'<tool_call>\n{{"name": "read_files", "arguments": {ARGS}}}\n</tool_call>',
    "Hermes, unclosed": f'<tool_call>\n{{"name": "read_files", "arguments": {ARGS}}}',
    "Qwen coder": '<tool_call>\n<function=read_files>\n<parameter=paths>\n["a.txt"]\n</parameter>\n</function>\n</tool_call>',
    "Qwen coder without its opening": 'I look.\n\n<function=read_files>\n<parameter=paths>\n["a.txt"]\n</parameter>\n</function>\n</tool_call>',
    "Seed": '<seed:tool_call>\n<function=read_files>\n<parameter=paths>["a.txt"]</parameter>\n</function>\n</seed:tool_call>',
    "Mistral": f'[TOOL_CALLS][{{"name": "read_files", "arguments": {ARGS}}}]',
    "Mistral v11": f"[TOOL_CALLS]read_files[ARGS]{ARGS}",
    "Mistral v13": f"[TOOL_CALLS]read_files[CALL_ID]VvvODy9mT[ARGS]{ARGS}",
    "Llama 3, tag": f'<|python_tag|>{{"name": "read_files", "parameters": {ARGS}}}',
    "Llama 3, plain": f'{{"name": "read_files", "parameters": {ARGS}}}',
    "Llama 3, function": f"<function=read_files>{ARGS}</function>",
    "Llama 4": '<|python_start|>[read_files(paths=["a.txt"])]<|python_end|>',
    "LFM2": '<|tool_call_start|>[read_files(paths=["a.txt"])]<|tool_call_end|>',
    "Olmo": '<function_calls>\nread_files(paths=["a.txt"])\n</function_calls>',
    "DeepSeek V3": f"<{BAR}tool▁calls▁begin{BAR}><{BAR}tool▁call▁begin{BAR}>function<{BAR}tool▁sep{BAR}>read_files\n```json\n{ARGS}\n```<{BAR}tool▁call▁end{BAR}><{BAR}tool▁calls▁end{BAR}>",
    "DeepSeek V3.1": f"<{BAR}tool▁calls▁begin{BAR}><{BAR}tool▁call▁begin{BAR}>read_files<{BAR}tool▁sep{BAR}>{ARGS}<{BAR}tool▁call▁end{BAR}><{BAR}tool▁calls▁end{BAR}>",
    "DeepSeek DSML": f'<{BAR}DSML{BAR}tool_calls>\n<{BAR}DSML{BAR}invoke name="read_files">\n<{BAR}DSML{BAR}parameter name="paths" string="false">["a.txt"]</{BAR}DSML{BAR}parameter>\n</{BAR}DSML{BAR}invoke>\n</{BAR}DSML{BAR}tool_calls>',
    "GLM": '<tool_call>read_files\n<arg_key>paths</arg_key>\n<arg_value>["a.txt"]</arg_value>\n</tool_call>',
    "GLM, one tag for another": '<tool_call>read_files<tool_call>paths</arg_key><arg_value>["a.txt"]</arg_value></tool_call>',
    "Kimi": f"<|tool_calls_section_begin|><|tool_call_begin|>functions.read_files:0<|tool_call_argument_begin|>{ARGS}<|tool_call_end|><|tool_calls_section_end|>",
    "MiniMax M2": '<minimax:tool_call>\n<invoke name="read_files">\n<parameter name="paths">["a.txt"]</parameter>\n</invoke>\n</minimax:tool_call>',
    "MiniMax M3": ']<]minimax[>[<tool_call>\n]<]minimax[>[<invoke name="read_files">\n]<]minimax[>[<paths>]<]minimax[>[<item>a.txt]<]minimax[>[</item>]<]minimax[>[</paths>\n]<]minimax[>[</invoke>\n]<]minimax[>[</tool_call>',
    "gpt-oss": f"<|channel|>analysis<|message|>Need to read.<|end|><|start|>assistant<|channel|>commentary to=functions.read_files <|constrain|>json<|message|>{ARGS}<|call|>",
    "gpt-oss, the name first": f"<|start|>assistant to=functions.read_files<|channel|>commentary json<|message|>{ARGS}<|call|>",
    "gpt-oss, stripped": f"commentary to=functions.read_files json{ARGS}",
    "Granite": f'<|tool_call|>[{{"name": "read_files", "arguments": {ARGS}}}]',
    "Phi-4": f'<|tool_call|>[{{"name": "read_files", "arguments": {ARGS}}}]<|/tool_call|>',
    "Phi-4 mini": f'functools[{{"name": "read_files", "arguments": {ARGS}}}]',
    "Nemotron": f'<TOOLCALL>[{{"name": "read_files", "arguments": {ARGS}}}]</TOOLCALL>',
    "Command R": f'<|START_ACTION|>[{{"tool_call_id": "0", "tool_name": "read_files", "parameters": {ARGS}}}]<|END_ACTION|>',
    "Jamba, Hunyuan": f'<tool_calls>[{{"name": "read_files", "arguments": {ARGS}}}]</tool_calls>',
    "InternLM": f'<|action_start|><|plugin|>{{"name": "read_files", "parameters": {ARGS}}}<|action_end|>',
    "Apertus": f'<|tools_prefix|>[{{"read_files": {ARGS}}}]<|tools_suffix|>',
    "Gemma 4": '<|tool_call>call:read_files{paths:[<|"|>a.txt<|"|>]}<tool_call|>',
    "FunctionGemma": "<start_function_call>call:read_files{paths:[<escape>a.txt<escape>]}<end_function_call>",
    "Longcat": '<longcat_tool_call>read_files\n<longcat_arg_key>paths</longcat_arg_key>\n<longcat_arg_value>["a.txt"]</longcat_arg_value>\n</longcat_tool_call>',
}
LEFT = {
    "Kimi": ("<|tool_call_begin|>what is this", Kind.OPENAI, "--tool-call-parser"),
    "llama.cpp": ("<tool_call>read files please</tool_call>", Kind.LLAMACPP, "--jinja"),
    "vLLM": ("[TOOL_CALLS] hm", Kind.VLLM, "--enable-auto-tool-choice"),
    "Command R": ("<|START_ACTION|> nothing", Kind.OPENAI, "--tool-call-parser"),
    "DSML": (f"<{BAR}DSML{BAR}tool_calls>oops", Kind.OPENAI, "--tool-call-parser"),
    "Gemma": ("<|tool_call>call:read_files{{{", Kind.OPENAI, "--tool-call-parser"),
}
THOUGHTS = {
    "think": "<think>secret</think>\n\nHello!",
    "thinking": "<thinking>secret</thinking>\n\nHello!",
    "thought": "<thought>secret</thought>\nHello!",
    "Magistral": "[THINK]secret[/THINK]Hello!",
    "Seed": "<seed:think>secret</seed:think>Hello!",
    "MiniMax": "<mm:think>secret</mm:think>\nHello!",
    "Gemma 4": "<|channel>thought\nsecret<channel|>\nHello!",
    "Command A": "<|START_THINKING|>secret<|END_THINKING|>Hello!",
    "Kimi VL": "◁think▷secret◁/think▷Hello!",
    "gpt-oss": "<|channel|>analysis<|message|>secret<|end|><|start|>assistant<|channel|>final<|message|>Hello!",
    "gpt-oss, ended": "<|start|>assistant<|channel|>analysis<|message|>secret<|end|><|start|>assistant<|channel|>final<|message|>Hello!<|return|>",
}
SAID = "Use the `<think>` tag like `<think>x</think>` in HTML."


def streamed(text: str, step: int = 5) -> list[bytes]:
    pieces = [piece(text[at : at + step]) for at in range(0, len(text), step)]
    return [http_head(), *sse(*pieces, piece(finish="stop")), DONE]


@pytest.mark.parametrize("family", CALLS)
async def test_a_call_in_a_familys_own_form_is_recovered(family, model_at) -> None:
    with Replay(streamed(CALLS[family], 7)) as server:
        said = await ask(model_at(server, tools=ToolMode.NATIVE), prompt(tools=(READ_FILES,)))

    assert [(one.name, json.loads(one.arguments)) for one in said.calls] == [
        ("read_files", {"paths": ["a.txt"]})
    ]


@pytest.mark.parametrize("family", CALLS)
def test_a_quotation_of_it_is_never_run(family) -> None:
    form = CALLS[family]
    if not form.startswith(("<", "[", "commentary")) or "\n```" in form:
        return
    inline = f"Models write `{form}` here." if "\n" not in form else ""
    for text in (inline, f"```\nFor example:\n{form}\n```\nThat is it."):
        assert read_answer(text, (READ_FILES,), (UserMessage("x"),)).calls == ()
    given = (UserMessage(f"What does this mean: {form}"),)
    assert read_answer(form, (READ_FILES,), given).calls == ()


@pytest.mark.parametrize("name", LEFT)
async def test_a_marker_from_which_nothing_comes_is_a_warning_with_the_servers_flag(
    name, model_at
) -> None:
    text, kind, flag = LEFT[name]
    with Replay(streamed(text)) as server:
        at = model_at(server, kind=kind, tools=ToolMode.NATIVE, context_window=9999)
        said = await ask(at, prompt(tools=(READ_FILES,)))

    assert not said.calls
    (notice,) = [one for one in said.notices if one.code == "call_in_text"]
    assert (notice.level, flag in notice.message) == ("warning", True)


@pytest.mark.parametrize("step", [1, 3, 400])
@pytest.mark.parametrize("family", THOUGHTS)
async def test_thoughts_in_a_familys_own_tags_are_no_part_of_the_answer(
    family, step, model_at
) -> None:
    with Replay(streamed(THOUGHTS[family], step)) as server:
        said = await ask(model_at(server))

    assert said.text.strip() == "Hello!"
    assert said.reasoning.strip() == "secret"


@pytest.mark.parametrize(
    "text",
    [
        "The user said hello.\n</think>\n\nHello!",
        "All clear.</think>\n\nHello!",
        "Hm.\n[/THINK]\nHello!",
        "analysisThe user greets.assistantfinal Hello!",
    ],
)
async def test_thoughts_that_only_end_are_taken_out_of_the_answer(text, model_at) -> None:
    with Replay(streamed(text)) as server:
        said = await ask(model_at(server))
    at = next(i for i, one in enumerate(said.chunks) if isinstance(one, ThoughtSoFar))
    rest = "".join(one.text for one in said.chunks[at:] if hasattr(one, "text"))

    assert rest.strip() == "Hello!"


@pytest.mark.parametrize(
    "text", [SAID, "Close it with `</think>`\n", "```\n</think>\n```\n", "<think>a</think>\nb", "a"]
)
def test_a_tag_that_is_quoted_ends_nothing(text) -> None:
    assert end_of_lone_thoughts(text) == 0


def test_a_tag_in_the_middle_of_an_answer_stays() -> None:
    reading = ThinkingText()
    parts = [*reading.take(SAID), *reading.flush()]

    assert parts == [(False, SAID)]


async def test_thoughts_left_in_the_text_are_told_with_the_servers_flag(model_at) -> None:
    with Replay(streamed("So: <|channel|>analysis<|message|>hm")) as server:
        said = await ask(model_at(server), prompt(tools=(READ_FILES,)))

    assert "--reasoning-parser" in next(
        one.message for one in said.notices if one.code == "thoughts_in_text"
    )


@pytest.mark.parametrize(
    "name",
    [
        *("read_files<|channel|>commentary", "read_files<|channel|>json", "read_files</arg_value>"),
        *("functions.read_files", "read_files\n", " read_files", "default_api:read_files"),
        *("Read_Files", "read-files", "<|channel|>read_files", "functions.read_files:0"),
    ],
)
def test_a_name_with_tokens_of_a_template_is_understood(name) -> None:
    assert understood(ToolCall("a", name, "{}"), (READ_FILES,)).name == "read_files"


@pytest.mark.parametrize("name", ["<|constrain|>json", "assistant<|channel|>analysis", "other"])
def test_a_name_that_means_no_tool_stays_for_the_model_to_be_told(name) -> None:
    assert understood(ToolCall("a", name, "{}"), (READ_FILES,)).name == name


def test_keys_with_tokens_are_cleaned_and_values_stay_byte_for_byte() -> None:
    value = 'a</arg_key>\\u00e9 "x"'
    given = json.dumps({"paths</arg_key>": [value]})
    call = understood(ToolCall("a", "read_files", given), (READ_FILES,))
    same = ToolCall("b", "read_files", '{"paths":  ["<x>"]}')

    assert json.loads(call.arguments) == {"paths": [value]}
    assert understood(same, (READ_FILES,)) is same


async def test_why_a_providers_model_ended_is_told_where_that_is_no_ordinary_end(model_at) -> None:
    end = piece("", finish="stop")
    end["choices"][0]["native_finish_reason"] = "network_error"
    with Replay([http_head(), *sse(end), DONE]) as server:
        said = await ask(model_at(server))

    assert ["network_error" in one.message for one in said.notices] == [True]


def test_tools_are_told_apart_by_their_whole_names() -> None:
    tools = (ToolSpec("read", "", {}), ToolSpec("x.read", "", {}))

    assert understood(ToolCall("a", "x.read", "{}"), tools).name == "x.read"
