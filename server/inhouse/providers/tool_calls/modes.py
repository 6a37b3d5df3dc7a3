"""Tools for models that have no native calls: described in the prompt, or forced by a schema."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import jiter
from attrs import define, evolve

from inhouse.core.json_values import fields
from inhouse.core.messages import AssistantMessage, Message, ToolCall, ToolMessage, UserMessage
from inhouse.core.ports import Prompt, ToolSpec
from inhouse.core.route import ToolMode
from inhouse.providers.chat.chat_request import arguments_text, mended, output_text, tool_function
from inhouse.providers.chat.tool_call_deltas import new_call_id


def in_mode(prompt: Prompt, mode: ToolMode) -> Prompt:
    """Return the prompt as a model in this mode must be asked."""
    match mode:
        case ToolMode.NATIVE:
            return prompt
        case ToolMode.TEXT:
            return as_text(prompt)
        case ToolMode.SCHEMA:
            return as_schema(prompt)


def as_text(prompt: Prompt) -> Prompt:
    """Describe the tools in the system prompt, in the form most open models were trained on."""
    return _with_rules(prompt, _TEXT_RULES)


def as_schema(prompt: Prompt) -> Prompt:
    """Allow nothing but a call of one tool, or an answer: both are JSON of one schema."""
    plain = _with_rules(prompt, _SCHEMA_RULES)
    return evolve(plain, output_schema=call_schema(prompt.tools)) if prompt.tools else plain


def _with_rules(prompt: Prompt, rules: str) -> Prompt:
    """Put the tools into the system prompt, and nothing of them anywhere else."""
    system = prompt.system
    if prompt.tools:
        described = "\n".join(_described(tool) for tool in prompt.tools)
        system = f"{system}\n\n{rules.format(tools=described)}".lstrip()
    return evolve(prompt, system=system, messages=_as_plain_messages(prompt.messages), tools=())


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
    """Reads an answer in schema mode while it streams: only what is meant for the user is text."""

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
        """Return what is left: text of a model that kept to no schema, or its call."""
        fields = self._fields(partial=False)
        name, value = fields.get("tool"), fields.get("input")
        if isinstance(name, str) and isinstance(value, dict):
            return "", ToolCall(new_call_id(), name, json.dumps(value, ensure_ascii=False))
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


def _as_plain_messages(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Turn calls and results into text: such a model's template knows neither."""
    plain: list[Message] = []
    for message in mended(messages):
        match message:
            case AssistantMessage(text, calls):
                written = [_written(call) for call in calls if not _already_in(text, call)]
                plain.append(AssistantMessage("\n".join(filter(None, [text, *written]))))
            case ToolMessage():
                response = {"name": message.tool, "content": output_text(message)}
                body = json.dumps(response, ensure_ascii=False)
                plain.append(UserMessage(f"<tool_response>\n{body}\n</tool_response>"))
            case _:
                plain.append(message)
    return tuple(plain)


def _written(call: ToolCall) -> str:
    body = f'{{"name": {json.dumps(call.name)}, "arguments": {arguments_text(call)}}}'
    return f"<tool_call>\n{body}\n</tool_call>"


def _already_in(text: str, call: ToolCall) -> bool:
    return bool(text) and f'"{call.name}"' in text


def _described(tool: ToolSpec) -> str:
    return json.dumps({"type": "function", "function": tool_function(tool)}, ensure_ascii=False)


def profile_mode(profile: Mapping[str, Any]) -> ToolMode | None:
    """Return the mode that was found out, where one was."""
    known = profile.get("tools")
    return ToolMode(known) if known in list(ToolMode) else None


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
