"""Tool calls that a model left in its text: every form of backends.md, Q8, and Codebuff's own.

A call is recovered only where it names a declared tool and its input fits that tool's schema, and
never out of a quotation: a code fence that holds more than the call, inline code, a quoted line, or
anything that already stood in a file or message the model was given.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from attrs import frozen

from inhouse.core.messages import Message, ToolCall, ToolMessage, UserMessage
from inhouse.core.ports import ToolSpec
from inhouse.providers.chat.tool_call_deltas import new_call_id
from inhouse.providers.tool_calls.text_formats import FoundCall, candidates

HINTS = (
    *("<tool_call", "<function", "<invoke", "<codebuff_tool_call>"),
    *("[TOOL_CALLS]", "<|python_tag|>", "```"),
)
_FENCE = re.compile(
    r"^[ \t]*(`{3,}|~{3,})[^\n]*\n(.*?)(?:^[ \t]*\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL
)


_WRAPPER = re.compile(r"</?(?:function_calls?|tool_calls?)>")


@frozen
class _Checked:
    name: str
    input: Mapping[str, Any]
    guessed: str = ""
    """What was written, where the input is a guess and the tool wants none: it is refused later."""

    def arguments(self) -> str:
        return self.guessed or json.dumps(self.input, ensure_ascii=False)

    def key(self) -> str:
        return f"{self.name} {json.dumps(self.input, sort_keys=True, default=str)}"


def recover(
    text: str, tools: Iterable[ToolSpec], given: Iterable[Message], *, codebuff_only: bool = False
) -> tuple[ToolCall, ...]:
    """Return the calls in an answer's text, in order.

    ``given`` is what the model had been told; ``codebuff_only`` where it made native calls too.
    """
    specs = {tool.name: tool for tool in tools}
    if not specs or not _may_hold_a_call(text):
        return ()
    found = [one for one in candidates(text) if one.codebuff or not codebuff_only]
    found = [one for one in found if not _is_quoted(text, one, found)]
    checked = [call for one in found if (call := _checked(one, specs)) is not None]
    if not checked:
        return ()
    quoted = _quoted_calls(given, specs)
    return tuple(
        ToolCall(new_call_id(), call.name, call.arguments())
        for call in checked
        if not call.input or call.key() not in quoted
    )


def _may_hold_a_call(text: str) -> bool:
    return text.lstrip()[:1] in ("{", "[") or any(hint in text for hint in HINTS)


def _checked(found: FoundCall, specs: Mapping[str, ToolSpec]) -> _Checked | None:
    spec = specs.get(found.name) or specs.get(found.name.replace("-", "_"))
    if spec is None:
        return None
    value = _coerced(found.input, spec.parameters) if found.texts else dict(found.input)
    if not found.codebuff and not _fits(value, spec.parameters):
        return None  # Codebuff's own form is deliberate: its input is mended and checked later
    return _Checked(spec.name, value, found.guessed if spec.exact else "")


def _fits(value: Mapping[str, Any], schema: Mapping[str, Any]) -> bool:
    import jsonschema  # noqa: PLC0415  # 0.1 s, and only where a call is left in the text
    from jsonschema import exceptions  # noqa: PLC0415

    plain = cast("dict[str, Any]", json.loads(json.dumps(schema, default=dict)))
    known = cast("dict[str, Any]", plain.get("properties") or {})
    if plain.get("additionalProperties") is None and not set(value) <= set(known):
        return False
    try:
        jsonschema.validate(dict(value), plain)
    except (exceptions.ValidationError, exceptions.SchemaError):
        return False
    return True


def _coerced(value: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Forms with tags have only texts: read those as JSON where the schema wants no text."""
    properties = cast("Mapping[str, Any]", schema.get("properties") or {})
    coerced: dict[str, Any] = {}
    for name, text in value.items():
        wanted = cast("Mapping[str, Any]", properties.get(name) or {}).get("type")
        coerced[name] = text
        if wanted != "string" and isinstance(text, str):
            try:
                coerced[name] = json.loads(text)
            except ValueError:
                continue
    return coerced


def _is_quoted(text: str, found: FoundCall, others: list[FoundCall]) -> bool:
    line_start = text.rfind("\n", 0, found.start) + 1
    before = _WRAPPER.sub("", text[line_start : found.start])
    if before.lstrip().startswith(">") or before.count("`") % 2 == 1:
        return True
    for fence in _FENCE.finditer(text):
        if fence.start() <= found.start < fence.end():
            inside = fence.start(2), fence.end(2)
            rest = _without(text, inside, [one for one in others if one.inside(*inside)])
            return bool(rest.strip()) or not found.inside(*inside)
    if found.codebuff or not before.strip():
        return False
    after = _without(text, (found.end, len(text)), others)
    return bool(
        _WRAPPER.sub("", after).strip()
    )  # in the middle of a sentence: an example, not a call


def _without(text: str, span: tuple[int, int], found: Iterable[FoundCall]) -> str:
    """Return a stretch of text without the calls in it."""
    start, end = span
    for one in sorted(found, key=lambda one: -one.start):
        if start <= one.start and one.end <= end:
            text = text[: one.start] + " " * (one.end - one.start) + text[one.end :]
    return text[start:end]


def _quoted_calls(given: Iterable[Message], specs: Mapping[str, ToolSpec]) -> set[str]:
    """Return the calls that stand in what the model was given: to repeat one is to quote it."""
    quoted: set[str] = set()
    for text in _given_texts(given):
        if _may_hold_a_call(text) or "{" in text:
            for found in candidates(text, thorough=True):
                call = _checked(found, specs)
                if call is not None:
                    quoted.add(call.key())
    return quoted


def _given_texts(given: Iterable[Message]) -> Iterator[str]:
    for message in given:
        if isinstance(message, UserMessage):
            yield message.text
        elif isinstance(message, ToolMessage):
            yield from _strings(message.output)


def _strings(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for one in cast("Mapping[Any, Any]", value).values():
                yield from _strings(one)
        case list() | tuple():
            for one in cast("Iterable[Any]", value):
                yield from _strings(one)
        case _:
            return
