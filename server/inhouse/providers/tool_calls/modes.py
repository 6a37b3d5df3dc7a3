"""Tools for models that have no native calls: described in the prompt, or forced by a schema.

The ``files`` dialect has its own module (`inhouse.providers.tool_calls.files_dialect`).
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

import jiter
from attrs import define, evolve

from inhouse.core.json_values import fields
from inhouse.core.messages import AssistantMessage, Message, ToolCall, ToolMessage, UserMessage
from inhouse.core.ports import Prompt, ToolSpec
from inhouse.core.route import ToolMode
from inhouse.providers.dialect.chat_request import arguments_text, mended, tool_function
from inhouse.providers.dialect.tool_call_deltas import new_call_id
from inhouse.providers.tool_calls.files_dialect import as_files, result_text


def in_mode(prompt: Prompt, mode: ToolMode) -> Prompt:
    """Return the prompt in the form for this mode."""
    match mode:
        case ToolMode.NATIVE:
            return prompt
        case ToolMode.TEXT:
            return as_text(prompt)
        case ToolMode.SCHEMA:
            return as_schema(prompt)
        case ToolMode.FILES:
            return as_files(prompt)


def as_text(prompt: Prompt) -> Prompt:
    """Describe the tools in the system prompt, in the form most open models were trained on."""
    return _with_rules(prompt, _TEXT_RULES, _text_answer)


def as_schema(prompt: Prompt) -> Prompt:
    """Allow only a call of one tool, or an answer, both as JSON of one schema."""
    plain = _with_rules(prompt, _SCHEMA_RULES, _schema_answer)
    return evolve(plain, output_schema=call_schema(prompt.tools)) if prompt.tools else plain


_Written = Callable[[AssistantMessage], AssistantMessage]


def _with_rules(prompt: Prompt, rules: str, written: _Written) -> Prompt:
    """Put the tools into the system prompt and nowhere else."""
    system = prompt.system
    if prompt.tools:
        described = "\n".join(_described(tool) for tool in prompt.tools)
        system = f"{system}\n\n{rules.format(tools=described)}".lstrip()
    return evolve(
        prompt, system=system, messages=_as_plain_messages(prompt.messages, written), tools=()
    )


def call_schema(tools: Iterable[ToolSpec]) -> dict[str, Any]:
    """Return the schema of "one call, or an answer"."""
    choices = [
        {
            "type": "object",
            "properties": {
                "tool": {"const": tool.name},
                "input": tool_function(tool)["parameters"],
            },
            "required": ["tool", "input"],
            "additionalProperties": False,
        }
        for tool in tools
    ]
    answer = {
        "type": "object",
        "properties": {"answer": {"type": "string"}},
        "required": ["answer"],
        "additionalProperties": False,
    }
    return {"anyOf": [*choices, answer]}


@define(eq=False)
class SchemaAnswer:
    """Reads an answer in schema mode while it streams; only the part for the user is text."""

    _raw: str = ""
    _told: int = 0

    def take(self, text: str) -> str:
        """Return the new part of the answer's text."""
        self._raw += text
        if '"answer"' not in self._raw[:200]:
            return ""
        answer = self._fields(partial=True).get("answer")
        if not isinstance(answer, str):
            return ""
        new, self._told = answer[self._told :], max(self._told, len(answer))
        return new

    def end(self) -> tuple[str, ToolCall | None]:
        """Return what is left: the call, or the text of a model that ignored the schema."""
        fields = self._fields(partial=False)
        name, value = fields.get("tool"), fields.get("input")
        if isinstance(name, str) and isinstance(value, dict):
            given = json.dumps(value, ensure_ascii=False)
            return "", ToolCall(new_call_id(), name, _as_it_stands(self._raw, given))
        if self._told or isinstance(fields.get("answer"), str):
            return "", None
        return self._raw, None

    def _fields(self, *, partial: bool) -> dict[str, Any]:
        mode = "trailing-strings" if partial else False
        try:
            value = jiter.from_json(self._raw.encode(), partial_mode=mode)
        except ValueError:
            return {}
        return fields(value)


def _as_it_stands(raw: str, given: str) -> str:
    """Keep an input as the model wrote it, so that its history repeats it exactly."""
    start = raw.find('"input"')
    start = raw.find("{", start) if start >= 0 else -1
    if start < 0:
        return given
    try:
        value, end = json.JSONDecoder(strict=False).raw_decode(raw, start)
        same = value == json.loads(given)
    except ValueError:
        return given
    return raw[start:end] if same else given


def _as_plain_messages(messages: tuple[Message, ...], written: "_Written") -> tuple[Message, ...]:
    """Turn calls and results into text, since such a model's template has neither."""
    plain: list[Message] = []
    for message in mended(messages):
        match message:
            case AssistantMessage():
                plain.append(written(message))
            case ToolMessage():
                body = f"<tool_response>\n{result_text(message)}\n</tool_response>"
                plain.append(UserMessage(body))
            case _:
                plain.append(message)
    return tuple(plain)


def _text_answer(message: AssistantMessage) -> AssistantMessage:
    text, calls = message.text, message.tool_calls
    written = [_written(call) for call in calls if not _already_in(text, call)]
    return AssistantMessage("\n".join(filter(None, [text, *written])))


def _schema_answer(message: AssistantMessage) -> AssistantMessage:
    """Write an answer as the schema made the model write it."""
    written = [
        f'{{"tool": {json.dumps(call.name)}, "input": {arguments_text(call)}}}'
        for call in message.tool_calls
    ]
    if written:
        return AssistantMessage("\n".join(written))
    return AssistantMessage(f'{{"answer": {json.dumps(message.text, ensure_ascii=False)}}}')


def _written(call: ToolCall) -> str:
    body = f'{{"name": {json.dumps(call.name)}, "arguments": {arguments_text(call)}}}'
    return f"<tool_call>\n{body}\n</tool_call>"


def _already_in(text: str, call: ToolCall) -> bool:
    return bool(text) and f'"{call.name}"' in text


def _described(tool: ToolSpec) -> str:
    return json.dumps({"type": "function", "function": tool_function(tool)}, ensure_ascii=False)


CALL_FORM = (
    'Write a call as {"name": "NAME", "arguments": {...}} between <tool_call> and </tool_call>.'
)

_TEXT_RULES = """# Tools

You can call these tools:
<tools>
{tools}
</tools>

To call one, end your answer with:
<tool_call>
{{"name": "NAME", "arguments": {{...}}}}
</tool_call>
You then get its result in <tool_response>.  Call a tool only when you need it."""

_SCHEMA_RULES = """# Tools

You can call these tools:
{tools}

Answer with one JSON object and nothing else:
{{"tool": "NAME", "input": {{...}}}} to call a tool, or
{{"answer": "..."}} to answer the user."""
