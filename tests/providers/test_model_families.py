# ruff: noqa: E501, RUF001  # forms as they come
"""What each family of models writes into its text where a server has no reader for it (Q29 to Q31).

A call that names a declared tool is recovered; what a marker begins and nothing could be made of
is a warning with the server's flag; thoughts are no part of the answer.
"""

import json

import pytest
from attrs import evolve

from inhouse.core.endpoint_kinds import Kind
from inhouse.core.events import ThoughtSoFar
from inhouse.core.message_json import arguments_object
from inhouse.core.messages import ToolCall, ToolMessage, UserMessage
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
# The same and others, as servers and users report them: tokens dropped, tags for tags, Python.
OTHER_CALLS = {
    "Hermes, arguments as text": '<tool_call>{"name":"read_files","arguments":"{\\"paths\\":[\\"a.txt\\"]}"}</tool_call>',
    "Qwen coder, open parameters": '<tool_call>\n<function=read_files>\n<parameter=paths>\n["a.txt"]\n</function>\n</tool_call>',
    "Llama 3, its own tools": '<|python_tag|>read_files.call(paths=["a.txt"])',
    "Llama 3.2, Python": '[read_files(paths=["a.txt"])]',
    "ToolACE, Python": 'read_files(paths=["a.txt"])',
    "Mistral, token dropped": 'read_files[ARGS]{"paths": ["a.txt"]}',
    "Mistral, tokens dropped": 'read_files{"paths": ["a.txt"]}',
    "Mistral, arguments as text": '[TOOL_CALLS]read_files[ARGS]"{\\"paths\\": [\\"a.txt\\"]}"',
    "Functionary 3.2": '>>>read_files\n{"paths": ["a.txt"]}',
    "Functionary 3.2, text first": '>>>all\nI will read.\n>>>read_files\n{"paths": ["a.txt"]}',
    "Functionary 2": '<|from|>assistant\n<|recipient|>read_files\n<|content|>{"paths": ["a.txt"]}<|stop|>',
    "DeepSeek, first tokens dropped": 'function<｜tool▁sep｜>read_files\n```json\n{"paths": ["a.txt"]}\n```',
    "GLM 4": 'read_files\n{"paths": ["a.txt"]}',
    "GLM 4, with a token": '<|assistant|>read_files\n{"paths": ["a.txt"]}',
    "GLM, opening dropped": 'read_files\n<arg_key>paths</arg_key>\n<arg_value>["a.txt"]</arg_value>\n</tool_call>',
    "GLM, cut off": '<tool_call>read_files\n<arg_key>paths</arg_key>\n<arg_value>["a.txt"]',
    "Kimi, tokens dropped": 'functions.read_files:0{"paths": ["a.txt"]}',
    "gpt-oss, two channels": '<|start|>assistant<|channel|>commentary to=functions.read_files<|channel|>json<|message|>{"paths": ["a.txt"]}<|call|>',
    "gpt-oss, stripped after a thought": 'analysisWe need to read.assistantcommentary to=functions.read_files json{"paths": ["a.txt"]}',
    "Command R": 'Action: ```json\n[\n    {\n        "tool_name": "read_files",\n        "parameters": {"paths": ["a.txt"]}\n    }\n]\n```',
    "Command R, with a plan": 'Plan: I will read.\nAction: ```json\n[\n    {\n        "tool_name": "read_files",\n        "parameters": {"paths": ["a.txt"]}\n    }\n]```',
    "Gemma 3": '```tool_code\nread_files(paths=["a.txt"])\n```',
    "Gemma 3, print": '```tool_code\nprint(read_files(paths=["a.txt"]))\n```',
    "Gemini": 'print(default_api.read_files(paths=["a.txt"]))',
    "Step 3": '<｜tool_calls_begin｜><｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name="read_files"><steptml:parameter name="paths">["a.txt"]</steptml:parameter></steptml:invoke><｜tool_call_end｜><｜tool_calls_end｜>',
    "Claude 2": '<function_calls>\n<invoke>\n<tool_name>read_files</tool_name>\n<parameters>\n<paths>["a.txt"]</paths>\n</parameters>\n</invoke>\n</function_calls>',
    "Cline": '<read_files>\n<paths>["a.txt"]</paths>\n</read_files>',
    "Cline, JSON": '<read_files>\n{"paths": ["a.txt"]}\n</read_files>',
    "Solar": '<|tool_call:begin|>12345<|tool_call:name|>read_files<|tool_call:args|>{"paths": ["a.txt"]}<|tool_call:end|>',
    "LangChain": 'Thought: I need it.\nAction: read_files\nAction Input: {"paths": ["a.txt"]}',
    "Qwen-Agent": '✿FUNCTION✿: read_files\n✿ARGS✿: {"paths": ["a.txt"]}\n✿RESULT✿: ',
    "the name as a key": '<tool_call>{"read_files": {"paths": ["a.txt"]}}</tool_call>',
    "JavaScript": 'read_files({"paths": ["a.txt"]})',
    "JavaScript in a tag": '<tool_call>read_files({"paths": ["a.txt"]})</tool_call>',
    "a name and JSON in a tag": '<tool_call>\nread_files\n{"paths": ["a.txt"]}\n</tool_call>',
    "a name in the tag": '<tool_call name="read_files">{"paths": ["a.txt"]}</tool_call>',
    "Mistral's XML": '<tool_use name="read_files">\n{"paths": ["a.txt"]}\n</tool_use>',
    "a tag for each part": '<tool_call><name>read_files</name><arguments>{"paths": ["a.txt"]}</arguments></tool_call>',
    "MCP's hosts": '<tool_use><name>read_files</name><arguments>{"paths": ["a.txt"]}</arguments></tool_use>',
    "OpenAI's answer": '{"tool_calls": [{"id": "x", "type": "function", "function": {"name": "read_files", "arguments": "{\\"paths\\": [\\"a.txt\\"]}"}}]}',
    "OpenAI's old answer": '{"function_call": {"name": "read_files", "arguments": {"paths": ["a.txt"]}}}',
    "OpenAI's message": '{"role": "assistant", "content": null, "tool_calls": [{"function": {"name": "read_files", "arguments": {"paths": ["a.txt"]}}}]}',
    "OpenAI's parallel tool": '{"tool_uses": [{"recipient_name": "functions.read_files", "parameters": {"paths": ["a.txt"]}}]}',
    "OpenAI's answer in a fence": '```json\n{"tool_calls": [{"function": {"name": "read_files", "arguments": {"paths": ["a.txt"]}}}]}\n```',
    "LM Studio": '[TOOL_REQUEST]{"name": "read_files", "arguments": {"paths": ["a.txt"]}}[END_TOOL_REQUEST]',
    "MiniMax M2.5": '[TOOL_CALL]{"name": "read_files", "arguments": {"paths": ["a.txt"]}}[/TOOL_CALL]',
    "large letters": '<TOOL_CALL>{"name": "read_files", "arguments": {"paths": ["a.txt"]}}</TOOL_CALL>',
    "Hunyuan": '<tool_calls>\n<tool_call>read_files\n```json\n{"paths": ["a.txt"]}\n```\n</tool_call>\n</tool_calls>',
    "Hunyuan, keys": '<tool_calls><tool_call>read_files<tool_sep>\n<arg_key>paths</arg_key>\n<arg_value>["a.txt"]</arg_value>\n</tool_call></tool_calls>',
    "JSON after text": 'I will read it.\n\n{"name": "read_files", "arguments": {"paths": ["a.txt"]}}',
    "JSON after text, tag dropped": 'I will read it.\n{"name": "read_files", "arguments": {"paths": ["a.txt"]}}\n</tool_call>',
    "Python quotes": "<tool_call>{'name': 'read_files', 'arguments': {'paths': ['a.txt']}}</tool_call>",
    "one tag with everything": '<function name="read_files" arguments=\'{"paths": ["a.txt"]}\'/>',
    "a tag that closes itself": '<tool_call name="read_files" arguments=\'{"paths": ["a.txt"]}\' />',
    "single quotes around names": "<invoke name='read_files'><parameter name='paths'>[\"a.txt\"]</parameter></invoke>",
    "DeepSeek V4, double bars": '<｜｜DSML｜｜tool_calls>\n<｜｜DSML｜｜invoke name="read_files">\n<｜｜DSML｜｜parameter name="paths" string="false">["a.txt"]</｜｜DSML｜｜parameter>\n</｜｜DSML｜｜invoke>\n</｜｜DSML｜｜tool_calls>',
    "DeepSeek V4, other bars": '<‖DSML‖tool_calls>\n<‖DSML‖invoke name="read_files">\n<‖DSML‖parameter name="paths" string="false">["a.txt"]</‖DSML‖parameter>\n</‖DSML‖invoke>\n</‖DSML‖tool_calls>',
    "DeepSeek V4, spaces": '< | DSML | tool_use>\n< | DSML | invoke name="read_files">\n< | DSML | parameter name="paths" string="false">["a.txt"]</ | DSML | parameter>\n</ | DSML | invoke>\n</ | DSML | tool_use>',
    "Kimi, spaces": '<|tool_calls_section_begin|> <|tool_call_begin|> functions.read_files:0 <|tool_call_argument_begin|> {"paths": ["a.txt"]} <|tool_call_end|> <|tool_calls_section_end|>',
    "GLM 4.7, a tag twice": '<tool_call>read_files<arg_key><arg_key>paths</arg_key></arg_key><arg_value>["a.txt"]</arg_value></tool_call>',
    "Nemotron 3, text in its tag": '<tool_call>Let me check.<function=read_files><parameter=paths>["a.txt"]</parameter></function></tool_call>',
    "Groq, a tag without its end": '<function=read_files{"paths": ["a.txt"]}</function>',
    "Groq, a comma": '<function=read_files,{"paths": ["a.txt"]}</function>',
    "Groq, brackets": '<function=read_files({"paths": ["a.txt"]})</function>',
    "Groq, the end of a tag": 'read_files{"paths": ["a.txt"]}</function>',
    "Groq, tool-use": '<tool-use>\n{"tool_calls": [{"id": "pending", "type": "function", "function": {"name": "read_files"}, "parameters": {"paths": ["a.txt"]}}]}\n</tool-use>',
    "gpt-oss, channels in its header": '<|channel|>commentary to=functions.read_files <|constrain|>json<|channel|>commentary<|message|>{"paths": ["a.txt"]}<|call|>',
    "LFM2, quotes and text": "<|tool_call_start|>[read_files(paths=['a.txt'])]<|tool_call_end|>Reading it.",
    "Command A, its tokens dropped": '[\n    {"tool_call_id": "0", "tool_name": "read_files", "parameters": {"paths": ["a.txt"]}}\n]',
    "Gemma 4, its tokens dropped": 'call:read_files{paths:["a.txt"]}',
    "Gemma 3, another fence": '```python\nread_files(paths=["a.txt"])\n```',
    "MiniMax M2, items": '<minimax:tool_call>\n<invoke name="read_files">\n<parameter name="paths"><item>a.txt</item></parameter>\n</invoke>\n</minimax:tool_call>',
    "oMLX": '[Calling tool: read_files({"paths": ["a.txt"]})]',
    "a fence of tildes": '~~~json\n{"name": "read_files", "arguments": {"paths": ["a.txt"]}}\n~~~',
    "a longer fence": '````json\n{"name": "read_files", "arguments": {"paths": ["a.txt"]}}\n````',
    "SmolLM3": '<code>\nread_files(paths=["a.txt"])\n</code>',
    "xLAM": '{"tool_calls": [{"name": "read_files", "arguments": {"paths": ["a.txt"]}}]}',
}
CALLS |= OTHER_CALLS
WRITE = ToolSpec(
    "write_file",
    "Write.",
    {
        "type": "object",
        "properties": {"path": {"type": "string"}, "content": {"type": "string"}},
        "required": ["path", "content"],
    },
    exact=True,
)


def in_json(content: str) -> str:
    return json.dumps({"path": "n.md", "content": content})


WRITING = {
    "Hermes": lambda it: (
        f'<tool_call>\n{{"name": "write_file", "arguments": {in_json(it)}}}\n</tool_call>'
    ),
    "JSON": lambda it: f'{{"name": "write_file", "arguments": {in_json(it)}}}',
    "a fence": lambda it: f'```json\n{{"name": "write_file", "arguments": {in_json(it)}}}\n```',
    "Mistral": lambda it: f"[TOOL_CALLS]write_file[ARGS]{in_json(it)}",
    "Kimi": lambda it: (
        f"<|tool_call_begin|>functions.write_file:0<|tool_call_argument_begin|>{in_json(it)}<|tool_call_end|>"
    ),
    "Qwen coder": lambda it: (
        f"<tool_call>\n<function=write_file>\n<parameter=path>\nn.md\n</parameter>\n<parameter=content>\n{it}\n</parameter>\n</function>\n</tool_call>"
    ),
    "Qwen coder, bare": lambda it: (
        f"<function=write_file><parameter=path>n.md</parameter><parameter=content>\n{it}\n</parameter></function>"
    ),
    "MiniMax": lambda it: (
        f'<minimax:tool_call>\n<invoke name="write_file">\n<parameter name="path">n.md</parameter>\n<parameter name="content">{it}</parameter>\n</invoke>\n</minimax:tool_call>'
    ),
    "GLM": lambda it: (
        f"<tool_call>write_file\n<arg_key>path</arg_key>\n<arg_value>n.md</arg_value>\n<arg_key>content</arg_key>\n<arg_value>{it}</arg_value>\n</tool_call>"
    ),
    "Codebuff": lambda it: (
        f'<codebuff_tool_call>{{"cb_tool_name": "write_file", {in_json(it)[1:-1]}}}</codebuff_tool_call>'
    ),
    "Cline": lambda it: (
        f"<write_file>\n<path>n.md</path>\n<content>\n{it}\n</content>\n</write_file>"
    ),
    "Gemma 4": lambda it: (
        f'<|tool_call>call:write_file{{path:<|"|>n.md<|"|>,content:<|"|>{it}<|"|>}}<tool_call|>'
    ),
    "Llama 4": lambda it: (
        f'<|python_start|>[write_file(path="n.md", content={it!r})]<|python_end|>'
    ),
    "parts": lambda it: (
        f"<tool_call><name>write_file</name><arguments><path>n.md</path><content>{it}</content></arguments></tool_call>"
    ),
}
"""Calls that write a file with a text in it."""
LEFT = {
    "Kimi": ("<|tool_call_begin|>what is this", Kind.OPENAI, "--tool-call-parser"),
    "llama.cpp": ("<tool_call>read files please</tool_call>", Kind.LLAMACPP, "--jinja"),
    "vLLM": ("[TOOL_CALLS] hm", Kind.VLLM, "--enable-auto-tool-choice"),
    "Command R": ("<|START_ACTION|> nothing", Kind.OPENAI, "--tool-call-parser"),
    "DSML": (f"<{BAR}DSML{BAR}tool_calls>oops", Kind.OPENAI, "--tool-call-parser"),
    "Gemma": ("<|tool_call>call:read_files{{{", Kind.OPENAI, "--tool-call-parser"),
    "MiniMax": ("[TOOL_CALL]\n{tool => 'read_files'}\n[/TOOL_CALL]", Kind.VLLM, "--enable-auto"),
    "DSML, its end alone": (
        f"cat a.txt</{BAR}DSML{BAR}parameter>\n</{BAR}DSML{BAR}invoke>",
        Kind.OPENAI,
        "--tool-call-parser",
    ),
    "gpt-oss, Python": (
        "<|start|>assistant<|channel|>analysis to=python code<|message|>print(1)<|call|>",
        Kind.OPENAI,
        "--tool-call-parser",
    ),
    "gpt-oss, no recipient": (
        f"<|channel|>commentary<|message|>{ARGS}<|end|>",
        Kind.OPENAI,
        "--tool-call-parser",
    ),
    "Llama 3, no names": ('<|python_tag|>read_files(["a.txt"])', Kind.LLAMACPP, "--jinja"),
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
    "Hunyuan": "<think>secret</think>\n<answer>\nHello!\n</answer>",
    "Command A, its answer": "<|START_THINKING|>secret<|END_THINKING|><|START_RESPONSE|>Hello!<|END_RESPONSE|>",
    "Solar Open": "<|think|>secret<|end|><|begin|>assistant<|content|>Hello!<|end|>",
    "Pangu": "[unused16]secret[unused17]Hello!",
    "Granite": "<think>secret</think><response>Hello!</response>",
    "in two parts": "<think>sec</think>\n<think>ret</think>Hello!",
    "gpt-oss": "<|channel|>analysis<|message|>secret<|end|><|start|>assistant<|channel|>final<|message|>Hello!",
    "gpt-oss, ended": "<|start|>assistant<|channel|>analysis<|message|>secret<|end|><|start|>assistant<|channel|>final<|message|>Hello!<|return|>",
}
SAID = "Use the `<think>` tag like `<think>x</think>` in HTML."


def streamed(text: str, step: int = 5) -> list[bytes]:
    pieces = [piece(text[at : at + step]) for at in range(0, len(text), step)]
    return [http_head(), *sse(*pieces, piece(finish="stop")), DONE]


@pytest.mark.parametrize("family", CALLS)
async def test_a_call_in_a_familys_own_form_is_recovered(family, model_at) -> None:
    with Replay(streamed(CALLS[family], 1)) as server:
        said = await ask(model_at(server, tools=ToolMode.NATIVE), prompt(tools=(READ_FILES,)))

    assert [(one.name, json.loads(one.arguments)) for one in said.calls] == [
        ("read_files", {"paths": ["a.txt"]})
    ]


@pytest.mark.parametrize(
    ("form", "given"),
    [
        ("<tool_call>glob</tool_call>", {}),
        ("<tool_call>\n<function=glob>\n</function>\n</tool_call>", {}),
        ("<function_calls>\nglob(hidden=null, deep=true)\n</function_calls>", None),
        ("<|tool_call_start|>[glob(hidden=null, deep=true)]<|tool_call_end|>", None),
    ],
)
def test_a_call_without_values_or_with_jsons_words_is_recovered(form, given) -> None:
    glob = ToolSpec("glob", "", {"type": "object", "properties": {"hidden": {}, "deep": {}}})
    (call,) = read_answer(form, (glob,), (UserMessage("x"),)).calls

    wanted = {"hidden": None, "deep": True} if given is None else given
    assert (call.name, json.loads(call.arguments)) == ("glob", wanted)


@pytest.mark.parametrize(
    "text",
    [
        f"The note said:\ncall:read_files{ARGS} is what they write.",
        f"It prints\n[Calling tool: read_files({ARGS})]\nin its log.",
        'In HTML:\n<code>\nread_files(paths=["a.txt"])\n</code>',
        'Use this:\n```python\nread_files(paths=["a.txt"])\n```\nThat is it.',
        f"Llama writes <function=read_files{ARGS}</function> at times.",
        f'~~~text notes.txt\n{{"name": "read_files", "arguments": {ARGS}}}\n~~~',
        ARGS,
        '```python\nsetup()\nread_files(paths=["a.txt"])\n```',
        '```python\nprint("x")\nread_files(paths=["a.txt"])\n```',
        '```tool_code\nsetup()\nread_files(paths=["a.txt"])\n```',
        '<code>\nread_files(paths=[here])\nread_files(paths=["a.txt"])\n</code>',
        f"Done.\n[Called tool: read_files({ARGS})]",
        "Format:\n<tool>read_files</tool>",
        "The tags are:\n<tools>\nread_files\n</tools>\nfine",
    ],
)
def test_what_only_speaks_of_a_call_is_not_run(text) -> None:
    assert read_answer(text, (READ_FILES,), (UserMessage("x"),)).calls == ()


def test_a_tag_for_each_item_is_text_where_text_is_wanted() -> None:
    form = '<invoke name="write_file"><parameter name="path">a</parameter><parameter name="content"><item>x</item></parameter></invoke>'
    (call,) = read_answer(form, (WRITE,), (UserMessage("x"),)).calls

    assert json.loads(call.arguments)["content"] == "<item>x</item>"


@pytest.mark.parametrize("family", CALLS)
def test_a_quotation_of_it_is_never_run(family) -> None:
    form = CALLS[family]
    quoted = ["\n".join(f"> {line}" for line in form.splitlines()) + "\nso"]
    if "\n" not in form and "`" not in form:
        quoted += [f"Models write `{form}` here.", f"Models write {form} when they want it."]
    if "```" not in form and "~~~" not in form:
        quoted += [
            f"```\nFor example:\n{form}\n```\nThat is it.",
            f"```md notes.md\n# Notes\n{form}\n```",
        ]
    for text in quoted:
        assert read_answer(text, (READ_FILES,), (UserMessage("x"),)).calls == (), text
    file = {"path": "a.md", "content": f"# Notes\n\n{form}\n\nbye"}
    for given in (UserMessage(f"What does this mean:\n\n{form}"), ToolMessage("1", "x", [file])):
        assert read_answer(form, (READ_FILES,), (given,)).calls == ()


@pytest.mark.parametrize("outer", WRITING)
@pytest.mark.parametrize("family", CALLS)
def test_a_call_in_the_text_that_a_call_writes_is_part_of_that_text(family, outer) -> None:
    content = f"Docs:\n\n{CALLS[family]}\n\nEnd of docs.\n"
    text = f"I write it.\n\n{WRITING[outer](content)}"
    calls = read_answer(text, (READ_FILES, WRITE), (UserMessage("x"),)).calls

    assert {one.name for one in calls} <= {"write_file"}
    balanced = not any(one in family for one in ("cut off", "open", "dropped"))
    balanced = balanced and (family, outer) != ("Gemma 4", "Gemma 4")  # its quotation marks end it
    if balanced and "{" in calls[0].arguments[:1] and outer != "parts":
        assert json.loads(calls[0].arguments)["content"].strip() == content.strip()


def test_a_call_that_forgot_to_escape_its_text_lets_nothing_in_it_run() -> None:
    inner = CALLS["Hermes, Qwen"]
    broken = f'{{"name": "write_file", "arguments": {{"path": "n.md", "content": "{inner}"}}}}'
    kimi = CALLS["Kimi"].replace("read_files", "write_file").replace("a.txt", inner)
    for text in (f"<tool_call>\n{broken}\n</tool_call>", kimi):
        calls = read_answer(text, (READ_FILES, WRITE), (UserMessage("x"),)).calls
        assert {one.name for one in calls} <= {"write_file"}


CUT = [*WRITING, "a fence of its own", "a name in its tag"]


@pytest.mark.parametrize("outer", CUT)
@pytest.mark.parametrize("exact", [True, False])
def test_a_call_that_is_cut_off_anywhere_has_no_part_of_a_text(outer, exact) -> None:
    content = 'import os\nx = {"a": [1]}\nprint(x)\n'
    forms = WRITING | {
        "a fence of its own": lambda it: (
            f'```tool_call\n{{"name": "write_file", "arguments": {in_json(it)}}}\n```'
        ),
        "a name in its tag": lambda it: f'<tool_call name="write_file">{in_json(it)}</tool_call>',
    }
    text = forms[outer](content)
    tool = evolve(WRITE, exact=exact)
    for end in range(len(text)):
        found = read_answer(text[:end], (tool,), (UserMessage("x"),), whole=not exact)
        for one in found.calls:
            given = arguments_object(one.arguments)
            assert (given or {}).get("content", content).strip() == content.strip(), text[:end]


@pytest.mark.parametrize("outer", ["Qwen coder", "Qwen coder, bare", "MiniMax", "GLM"])
def test_a_text_that_is_cut_off_is_never_written(outer) -> None:
    whole = WRITING[outer]("import os\n" + CALLS["Llama 3, function"] + "\n" + "x = 1\n" * 9)
    cut = whole[: whole.index("x = 1") + 12]
    calls = read_answer(cut, (READ_FILES, WRITE), (UserMessage("x"),)).calls

    for one in calls:
        assert one.name == "write_file"
        with pytest.raises(ValueError, match="Expecting value"):
            json.loads(one.arguments)


@pytest.mark.parametrize(
    "thought",
    [
        f'I should read it.\n<tool_call>\n{{"name": "read_files", "arguments": {ARGS}}}\n</tool_call>',
        f"<|tool_call_begin|>functions.read_files:0<|tool_call_argument_begin|>{ARGS}<|tool_call_end|><|tool_calls_section_end|>",
    ],
)
@pytest.mark.parametrize("ending", ["", "\nBut first I think."])
async def test_a_call_that_ends_the_thoughts_of_an_answer_without_text_is_made(
    thought, ending, model_at
) -> None:
    pieces = [piece(None, reasoning_content=thought + ending), piece(finish="stop")]
    with Replay([http_head(), *sse(*pieces), DONE]) as server:
        said = await ask(model_at(server), prompt(tools=(READ_FILES,)))

    assert [one.name for one in said.calls] == ([] if ending else ["read_files"])


async def test_an_answer_that_promises_a_call_and_has_none_is_told_to_both(model_at) -> None:
    with Replay([http_head(), *sse(piece("Let me see."), piece(finish="tool_calls"))]) as server:
        said = await ask(model_at(server), prompt(tools=(READ_FILES,)))

    assert [one.code for one in said.notices] == ["call_in_text"]
    assert "no call arrived" in said.answered.unread


@pytest.mark.parametrize("name", LEFT)
async def test_a_marker_from_which_nothing_comes_is_a_warning_with_the_servers_flag(
    name, model_at
) -> None:
    text, kind, flag = LEFT[name]
    with Replay(streamed(text)) as server:
        family = name.partition(",")[0]
        at = model_at(server, family, kind=kind, tools=ToolMode.NATIVE, context_window=9999)
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
        f"{CALLS['Hermes, Qwen']}\nBetter not</think>Hello!",
        "Hm.\n[/THINK]\nHello!",
        "analysisThe user greets.assistantfinal Hello!",
        "Hm.\n</think>\n\n<response>\nHello!\n</response>\n",
        "Here are my reasoning steps:\nHm.\n[BEGIN FINAL RESPONSE]\nHello!\n[END FINAL RESPONSE]",
    ],
)
async def test_thoughts_that_only_end_are_taken_out_of_the_answer(text, model_at) -> None:
    with Replay(streamed(text)) as server:
        said = await ask(model_at(server))
    at = next(i for i, one in enumerate(said.chunks) if isinstance(one, ThoughtSoFar))
    rest = "".join(one.text for one in said.chunks[at:] if hasattr(one, "text"))

    assert rest.strip() == "Hello!"


@pytest.mark.parametrize(
    "text",
    [
        *(SAID, "Close it with `</think>`\n", "```\n</think>\n```\n", "<think>a</think>\nb", "a"),
        *("The answer is 42.<|end|>", "The answer:\n<|end|>\n42"),  # Phi ends its turn so
        f"{CALLS['Hermes, Qwen']}<|end|>",
    ],
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
