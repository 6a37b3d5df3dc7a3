"""The forms in which models write a tool call as text, and where each stands."""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, cast

from attrs import evolve, frozen

from inhouse.core.broken_json import read

Value = Mapping[str, Any]

MOST_CALLS = 64
"""Of one form in one answer; a model that writes more is stuck."""


@frozen
class FoundCall:
    """Something that looks like a call."""

    name: str
    input: Value
    start: int
    end: int
    codebuff: bool = False
    """``<codebuff_tool_call>``: it always counts."""
    texts: bool = False
    """Its input holds texts only, whatever the schema says."""
    guessed: str = ""
    """Its input as it was written, where only a guess makes JSON of it."""
    marked: bool = False
    """It stands in a form that nothing but a call has."""
    lines: bool = False
    """A line or an edit of the ``files`` dialect."""

    def inside(self, start: int, end: int) -> bool:
        return start <= self.start and self.end <= end


_CODEBUFF = re.compile(r"<codebuff_tool_call>(.*?)</codebuff_tool_call>", re.DOTALL)
_TAGGED = re.compile(
    r"<(tool_calls?|function_calls?|functioncall|tools?|tool_use|call)>(.*?)(?:</\1>|\Z)", re.DOTALL
)
_FUNCTION = re.compile(
    r"<function(?:=|\s+name=\"?)([\w./-]+)\"?>(.*?)(?:</function>|(?=<function)|\Z)", re.DOTALL
)
_INVOKE = re.compile(r"<invoke name=\"([\w./-]+)\">(.*?)(?:</invoke>|\Z)", re.DOTALL)
_PARAMETER = re.compile(
    r"<parameter(?:=|\s+name=\"?)([\w./-]+)\"?>(.*?)(?:</parameter>|(?=<parameter)|\Z)", re.DOTALL
)
_GLM = re.compile(r"<arg_key>(.*?)</arg_key>\s*<arg_value>(.*?)</arg_value>", re.DOTALL)
_MISTRAL = re.compile(r"\[TOOL_CALLS\]\s*")
_MISTRAL_NAMED = re.compile(r"([\w./-]+)\s*(?:\[ARGS\])?\s*(?=\{)")
_PYTHON_TAG = re.compile(r"<\|python_tag\|>\s*")
_FENCED = re.compile(
    r"^[ \t]*```[ \t]*(\w*)[ \t]*\n(.*?)(?:^[ \t]*```[ \t]*$|\Z)", re.MULTILINE | re.DOTALL
)
_FENCE_NAMES = (
    *("", "json", "jsonc", "json5", "tool_call", "tool_calls", "tool_code", "tool", "tools", "xml"),
    *("function", "function_call", "function_calls", "call", "text", "plaintext", "javascript"),
)
_NAME_KEYS = ("name", "tool_name", "tool", "function_name", "function", "action")
_INPUT_KEYS = ("arguments", "parameters", "input", "args", "params", "tool_input", "action_input")

_decoder = json.JSONDecoder(strict=False)


def candidates(text: str, *, thorough: bool = False) -> list[FoundCall]:
    """Return what looks like calls, in order, none inside another.

    ``thorough`` also looks at every JSON object in the text: for what must not be repeated.
    """
    found: list[FoundCall] = []
    for form in (_codebuff, _tagged, _named_tags, _mistral, _python_tag, _fenced, _whole):
        found.extend(one for one in islice(form(text), MOST_CALLS) if not _overlaps(one, found))
    if thorough:
        found.extend(_anywhere(text))
    return sorted(found, key=lambda one: one.start)


def _overlaps(one: FoundCall, others: list[FoundCall]) -> bool:
    """Calls of one form may share a stretch (a list of calls); those of two forms may not."""
    return any(
        one.start < other.end
        and other.start < one.end
        and (one.start, one.end) != (other.start, other.end)
        for other in others
    )


def _codebuff(text: str) -> Iterator[FoundCall]:
    for match in _CODEBUFF.finditer(text):
        value = _loose(match[1])
        if isinstance(value, dict):
            fields = cast("dict[str, Any]", value)
            name = fields.get("cb_tool_name")
            if isinstance(name, str):
                rest = {key: one for key, one in fields.items() if not key.startswith("cb_")}
                guess = _guess(match[1])
                yield FoundCall(
                    name, rest, *match.span(), codebuff=True, guessed=guess, marked=True
                )


def _tagged(text: str) -> Iterator[FoundCall]:
    for match in _TAGGED.finditer(text):
        body = match[2].strip()
        if "<function" in body or "<invoke" in body:
            continue  # `_named_tags` reads those
        if pairs := _GLM.findall(body):
            name = body.partition("<arg_key>")[0].strip()
            yield FoundCall(name, dict(_stripped(pairs)), *match.span(), texts=True, marked=True)
            continue
        for value in _values(body):
            yield from _marked(_calls_in(value, match.span(), _guess(body)))


def _named_tags(text: str) -> Iterator[FoundCall]:
    for pattern in (_FUNCTION, _INVOKE):
        for match in pattern.finditer(text):
            if pairs := _PARAMETER.findall(match[2]):
                given = dict(_stripped(pairs))
                yield FoundCall(match[1], given, *match.span(), texts=True, marked=True)
                continue
            written = match[2].strip() or "{}"
            value = _loose(written)
            if isinstance(value, dict):
                yield FoundCall(
                    match[1],
                    cast("Value", value),
                    *match.span(),
                    guessed=_guess(written),
                    marked=True,
                )


def _mistral(text: str) -> Iterator[FoundCall]:
    for match in _MISTRAL.finditer(text):
        named = _MISTRAL_NAMED.match(text, match.end())
        value, end = _decoded(text, named.end() if named else match.end())
        if named and isinstance(value, dict):
            yield FoundCall(named[1], cast("Value", value), match.start(), end, marked=True)
        elif not named:
            yield from _marked(_calls_in(value, (match.start(), end)))


def _python_tag(text: str) -> Iterator[FoundCall]:
    for match in _PYTHON_TAG.finditer(text):
        value, end = _decoded(text, match.end())
        yield from _marked(_calls_in(value, (match.start(), end)))


def _marked(calls: Iterator[FoundCall]) -> Iterator[FoundCall]:
    return (evolve(one, marked=True) for one in calls)


def _fenced(text: str) -> Iterator[FoundCall]:
    for match in _FENCED.finditer(text):
        if match[1].lower() in _FENCE_NAMES:
            body = match[2].strip()
            for value in _values(body, mend=_looks_like_a_call(body)):
                yield from _calls_in(value, match.span(2))


def _whole(text: str) -> Iterator[FoundCall]:
    """Read an answer that is JSON and nothing else."""
    start = len(text) - len(text.lstrip())
    if text[start : start + 1] in ("{", "["):
        body = text.strip()
        for value in _values(body, mend=_looks_like_a_call(body)):
            yield from _calls_in(value, (start, len(text.rstrip())))


def _looks_like_a_call(body: str) -> bool:
    """Tell broken JSON of a call from any other: it begins with a name and names an input."""
    begins = re.match(r"[\[{\s]*[\"'](?:name|tool|tool_name|function|action)[\"']\s*:", body)
    return begins is not None and any(f'"{key}"' in body for key in _INPUT_KEYS)


def _anywhere(text: str) -> Iterator[FoundCall]:
    for match in re.finditer(r"\{", text):
        value, end = _decoded(text, match.start())
        yield from _calls_in(value, (match.start(), end))


def _calls_in(value: Any, span: tuple[int, int], guess: str = "") -> Iterator[FoundCall]:
    """Read ``{"name": …, "arguments": …}`` in its spellings, or a list of them."""
    if isinstance(value, list):
        for one in cast("list[Any]", value):
            yield from _calls_in(one, span, guess)
    if not isinstance(value, dict):
        return
    fields = cast("dict[str, Any]", value)
    if isinstance(inner := fields.get("function"), dict):
        yield from _calls_in(inner, span, guess)
        return
    name = next((fields[key] for key in _NAME_KEYS if isinstance(fields.get(key), str)), None)
    given = next((fields[key] for key in _INPUT_KEYS if key in fields), None)
    if isinstance(given, str):
        guess = guess or _guess(given)
        given = _loose(given)
    if name and isinstance(given, dict):
        yield FoundCall(name, cast("Value", given), *span, guessed=guess)


def _values(body: str, *, mend: bool = True) -> list[Any]:
    """Read one or several JSON values in a row; nothing where other text stands between."""
    values: list[Any] = []
    position = 0
    while position < len(body):
        value, end = _decoded(body, position)
        if end == position:
            return [_loose(body)] if mend and not values else []
        values.append(value)
        position = end + len(body[end:]) - len(body[end:].lstrip(" \t\r\n,;"))
    return values


def _decoded(text: str, start: int) -> tuple[Any, int]:
    try:
        return _decoder.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None, start


def _loose(text: str) -> Any:
    """Read JSON as a model writes it: a comma too many, a bracket too few, braces doubled."""
    text = _undoubled(text)
    try:
        return read(text)
    except RecursionError:
        return None
    except ValueError:
        import json_repair  # noqa: PLC0415  # only where a call is left in the text

        return json_repair.loads(text) if "{" in text else None


def _undoubled(text: str) -> str:
    """Some models copy the braces of a template twice."""
    text = text.strip()
    if text.startswith("{{") and not text.startswith("{{}"):
        return text[1:-1] if text.endswith("}}") else text[1:]
    return text


def _guess(text: str) -> str:
    """Give back what only a guess makes JSON of; empty where it can be read."""
    try:
        read(_undoubled(text))
    except (ValueError, RecursionError):
        return text
    return ""


def _stripped(pairs: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Templates put each value on lines of its own."""
    for name, value in pairs:
        yield name.strip(), value.removeprefix("\n").removesuffix("\n")
