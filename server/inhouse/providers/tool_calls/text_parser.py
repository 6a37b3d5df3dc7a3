"""Reads tool calls that a model left in its text: every form of backends.md, Q8, and Codebuff's.

Calls are read generously: whatever names a declared tool is one, and its input is then repaired and
checked like a native call's.  It is never read out of a quotation: a code fence that has a path or
holds more than the call, inline code, a quoted line, or anything that already stood in a file or
message the model was given.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, cast

from attrs import frozen

from inhouse.core.json_values import fields, items, mapping
from inhouse.core.message_json import PROJECT_FILES
from inhouse.core.messages import Message, ToolCall, ToolMessage, UserMessage
from inhouse.core.ports import ToolSpec
from inhouse.core.tool_names import tool_meant
from inhouse.providers.dialect.tool_call_deltas import new_call_id
from inhouse.providers.tool_calls.call_lines import line_calls
from inhouse.providers.tool_calls.call_values import without_noise
from inhouse.providers.tool_calls.edit_blocks import blocks
from inhouse.providers.tool_calls.files_dialect import FilesForm, read_form
from inhouse.providers.tool_calls.text_formats import (
    MOST_CALLS,
    PREFIX,
    FoundCall,
    candidates,
    listed_items,
)

HINTS = (
    *("<tool_call", "<function", "<invoke", "<codebuff_tool_call>", "<tool", "<call>"),
    *("[TOOL_CALLS]", "<|python_tag|>", "```", "to=", "functools[", "]<]", "invoke", "call:"),
    *(
        "<|tool",
        "<\uff5c",
        "<|START_ACTION|>",
        "<|action_start|>",
        "<|python_start|>",
        "<TOOLCALL>",
    ),
    *("<longcat_", "<|tools_prefix|>", "<seed:tool_call>", "<TOOL", "<FUNCTION", "[TOOL_"),
    *("DSML", "<|channel|>", "[ARGS]", "<|recipient|>"),
    *("Action:", "\u273fFUNCTION\u273f", ">>>", "tool\u2581sep"),
)
_FENCE = re.compile(
    r"^[ \t]*(`{3,}|~{3,})[^\n]*\n(.*?)(?:^[ \t]*\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL
)
_MARKER = re.compile(
    rf"<{PREFIX}(?:tool_call|function_call|codebuff_tool_call|toolcall)s?"
    r"(?:\s[^<>]{0,200})?>|</?[|\uff5c\u2016 ]{1,4}DSML\b|<function="
    r"|\[TOOL_(?:CALLS?|REQUEST)\]|\w\[ARGS\]|<\|recipient\|>"
    r"|<\|tool_call:begin\|>|\u273fFUNCTION\u273f|</arg_key>|\bdefault_api\.\w{1,64}\("
    r"|<[|\uff5c]tool[\w \u2581]*(?:begin|start)?[|\uff5c]?>"
    r"|<\|tool_call>|<start_function_call>|<\|python_(?:tag|start)\|>|<\|START_ACTION\|>"
    r"|<\|action_start\|>|<\|tools_prefix\|>|<longcat_tool_call>|\bfunctools\["
    rf"|<\|channel\|>(?:commentary|\w+\s+to=)|<{PREFIX}invoke\s+name=",
    re.IGNORECASE,
)


_WRAPPER = re.compile(
    rf"</?{PREFIX}(?:function_calls?|tool_calls?|tool_use)>"
    r"|<[|\uff5c]/?tool[\w \u2581]*[|\uff5c]>|<\|(?:end|start|call|return)\|>(?:assistant)?"
)
_NAME = re.compile(r"[A-Za-z_][\w.-]{0,80}")
_QUOTED = 120


@frozen
class Recovered:
    """What a model left in its text."""

    calls: tuple[ToolCall, ...] = ()
    unread: str = ""
    """What looks like a call but cannot be read as one, worded for the model."""


@frozen
class _Checked:
    name: str
    input: Mapping[str, Any]
    raw: str
    """The text that it was read from."""
    guessed: str = ""
    """What was written, if the input is a guess that the tool does not accept, to be refused
    later."""

    def arguments(self) -> str:
        return self.guessed or json.dumps(self.input, ensure_ascii=False)

    def key(self) -> str:
        return f"{self.name} {json.dumps(self.input, sort_keys=True, default=str)}"


def recover(
    text: str, tools: Iterable[ToolSpec], given: Iterable[Message], *, codebuff_only: bool = False
) -> tuple[ToolCall, ...]:
    """Read the calls in an answer's text, in order."""
    return read_answer(text, tools, given, codebuff_only=codebuff_only).calls


def read_answer(
    text: str,
    tools: Iterable[ToolSpec],
    given: Iterable[Message],
    *,
    codebuff_only: bool = False,
    files: bool = False,
    at_the_end: bool = False,
    promised: bool = False,
    whole: bool = False,
) -> Recovered:
    """Read the calls in an answer's text, in order, and what was meant as one.

    ``given`` is what the model had been sent; ``codebuff_only`` if it made native calls too;
    ``files`` if it was asked to use the ``files`` dialect; ``at_the_end`` if only calls that end
    the text count, in forms that only calls have: thoughts may speak of others; ``promised`` if
    the server says that there is a call; ``whole`` if the text may break off, so that only calls
    count that are written to their end.
    """
    specs = {tool.name: tool for tool in tools}
    if not specs:
        return Recovered()
    told, written = tuple(given), text
    if _begins_with_noise(text, specs):
        text = without_noise(text)
    form = read_form(text, specs, told) if files and not codebuff_only else FilesForm((), ())
    if not form.calls and not form.problems and not _may_hold_a_call(text, specs):
        return Recovered()
    found = [
        one for one in candidates(text, _parameters(specs)) if one.codebuff or not codebuff_only
    ]
    if at_the_end:
        found = _last_of(text, found)
    found = [one for one in found if not _overlaps(one, form.calls)]
    found = [one for one in found if not _is_quoted(text, one, found)]
    shown = [(one.start, one.end) for one in blocks(text) if one.path] if found else []
    found = [one for one in found if not any(one.inside(*span) for span in shown)]
    lines = [one for one in form.calls if not _is_line_quoted(text, one)]
    problems = list(form.problems)
    checked: list[_Checked] = []
    for one in sorted((*found, *lines), key=lambda each: each.start):
        call = _checked(one, specs, written)
        if call is not None and whole and _breaks_off(one, call):
            problems.append(f"This tool call breaks off: {_brief(call.raw)}")
        elif call is not None:
            checked.append(call)
        elif one.marked and not codebuff_only and (said := _unknown(one, specs)) is not None:
            problems.append(said)
    quoted = _quoted_calls(told, specs, files=files) if checked else frozenset[str]()
    calls = tuple(
        ToolCall(new_call_id(), call.name, call.arguments())
        for call in checked
        if not call.input or (call.key() not in quoted and not _stands_in(call.raw, told))
    )
    if not found and not calls and not codebuff_only:
        alone = _input_alone(text, specs) if promised else ""
        problems += filter(None, (_open_marker(text) or alone,))
    return Recovered(calls, "\n".join(dict.fromkeys(problems)))


def _begins_with_noise(text: str, specs: Mapping[str, ToolSpec]) -> bool:
    """Return whether there are tokens to blank, and not only in the text that a call writes."""
    at = text.find("]<]")
    return at >= 0 and not any(one.start < at for one in candidates(text, _parameters(specs)))


def _last_of(text: str, found: list[FoundCall]) -> list[FoundCall]:
    """Return the calls that nothing follows."""
    last: list[FoundCall] = []
    end = len(text)
    for one in reversed(found):
        rest = _WRAPPER.sub("", text[one.end : end]).strip()
        if not one.marked or rest:
            break
        last.insert(0, one)
        end = min(end, one.start)
    return last


def _may_hold_a_call(text: str, specs: Mapping[str, ToolSpec]) -> bool:
    return (
        text.lstrip()[:1] in ("{", "[")
        or any(hint in text for hint in HINTS)
        or any(name in text for name in specs)
    )


def _parameters(specs: Mapping[str, ToolSpec]) -> dict[str, Mapping[str, Any]]:
    return {name: spec.parameters for name, spec in specs.items()}


def _overlaps(one: FoundCall, others: Iterable[FoundCall]) -> bool:
    return any(one.start < other.end and other.start < one.end for other in others)


def _is_line_quoted(text: str, found: FoundCall) -> bool:
    line_start = text.rfind("\n", 0, found.start) + 1
    return text[line_start : found.start].lstrip().startswith(">")


def _open_marker(text: str) -> str:
    """Say what a model began that cannot be read as a call at all."""
    for match in islice(_MARKER.finditer(text), MOST_CALLS):
        before = text[text.rfind("\n", 0, match.start()) + 1 : match.start()].strip()
        begins = bool(before) and not re.search(r"[\s`]|^>", before)  # a token of its template
        if begins or not _is_quoted(text, FoundCall("", {}, *match.span()), []):
            said = _brief(text[match.start() :])
            return f"This looks like a tool call and cannot be read: {said}"
    return ""


def _input_alone(text: str, specs: Mapping[str, ToolSpec]) -> str:
    """Say that an answer is a tool's input and nothing else (gpt-oss, its recipient lost)."""
    try:
        given = fields(json.loads(text))
    except (ValueError, RecursionError):
        return ""
    for name, known in _parameters(specs).items() if given else ():
        properties, required = mapping(known.get("properties")), items(known.get("required"))
        if required and set(given) <= set(properties) and set(required) <= set(given):
            return f"This looks like the input of a call without the tool's name, perhaps {name!r}."
    return ""


def _unknown(found: FoundCall, specs: Mapping[str, ToolSpec]) -> str | None:
    if not _NAME.fullmatch(found.name.strip()):
        return None
    return f"No tool {found.name!r}.  Tools: {', '.join(specs)}"


def _brief(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _QUOTED else f"{line[:_QUOTED]}…"


def _checked(found: FoundCall, specs: Mapping[str, ToolSpec], text: str) -> _Checked | None:
    """Return the call with its tool's name.

    Its input is repaired and checked later, like a native one.
    """
    name = tool_meant(found.name, specs)
    if name is None:
        return None
    spec = specs[name]
    value = _coerced(found.input, spec.parameters) if found.texts else dict(found.input)
    raw = text[found.start : found.end].strip()
    return _Checked(spec.name, value, raw, found.guessed if spec.exact else "")


def _breaks_off(found: FoundCall, call: _Checked) -> bool:
    """Return whether a call may have been meant to go on: no bracket of it may be left open."""
    signs = "" if found.texts else "".join(_STRING.split(call.raw))
    return bool(found.guessed) or any(
        signs.count(begin) > signs.count(end) for begin, end in ("{}", "[]")
    )


_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


def _coerced(value: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Read the strings of forms with tags as JSON, unless the schema wants a string."""
    properties = cast("Mapping[str, Any]", schema.get("properties") or {})
    coerced: dict[str, Any] = {}
    for name, text in value.items():
        wanted = cast("Mapping[str, Any]", properties.get(name) or {}).get("type")
        coerced[name] = text
        if wanted != "string" and isinstance(text, str):
            if (items := listed_items(text)) is not None:
                coerced[name] = items
                continue
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
    """Return a range of text without the calls in it."""
    start, end = span
    for one in sorted(found, key=lambda one: -one.start):
        if start <= one.start and one.end <= end:
            text = text[: one.start] + " " * (one.end - one.start) + text[one.end :]
    return text[start:end]


def _quoted_calls(
    given: Iterable[Message], specs: Mapping[str, ToolSpec], *, files: bool
) -> frozenset[str]:
    """Return the calls in what the model was given; repeating one is quoting it."""
    quoted: set[str] = set()
    for text, from_tool in _given_texts(given):
        found: list[FoundCall] = []
        if _may_hold_a_call(text, specs) or "{" in text:
            found += candidates(text, _parameters(specs), thorough=True)
        if files:
            found += (
                FoundCall(one.name, one.input, one.start, one.end)
                for one in line_calls(text, specs)
                if one.input is not None
            )
            if from_tool:  # what the user wants written may be copied from the user's own words
                found += read_form(text, specs, ()).calls
        quoted |= {call.key() for one in found if (call := _checked(one, specs, text)) is not None}
    return frozenset(quoted)


def _stands_in(raw: str, given: Iterable[Message]) -> bool:
    """Return whether a call in a form of its own stands in what the model was given."""
    return raw[:1] in ("<", "[", "{") and any(raw in text for text, _ in _given_texts(given))


def _given_texts(given: Iterable[Message]) -> Iterator[tuple[str, bool]]:
    """Yield each text, and whether it comes from a file or a tool."""
    for message in given:
        if isinstance(message, UserMessage):
            yield message.text, False
            if PROJECT_FILES in message.tags:
                for block in blocks(message.text):
                    yield block.body, True
        elif isinstance(message, ToolMessage):
            for text in _strings(message.output):
                yield text, True


def _strings(value: object) -> Iterator[str]:
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
