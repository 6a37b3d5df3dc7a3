"""The forms in which models write tool calls as text, and their places."""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, cast

from attrs import evolve, frozen

from inhouse.core.broken_json import read
from inhouse.providers.tool_calls.call_values import gemma_value, pythonic

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
    """Whether it is a ``<codebuff_tool_call>``, which always counts."""
    texts: bool = False
    """Whether its input has only strings, whatever the schema says."""
    guessed: str = ""
    """Its input as written, if only a guess makes it JSON."""
    marked: bool = False
    """Whether it is in a form that only calls have."""
    lines: bool = False
    """Whether it is a line or an edit of the ``files`` dialect."""

    def inside(self, start: int, end: int) -> bool:
        return start <= self.start and self.end <= end


_CODEBUFF = re.compile(r"<codebuff_tool_call>(.*?)</codebuff_tool_call>", re.DOTALL)
_TAGGED = re.compile(
    r"<(tool_calls?|function_calls?|functioncall|tools?|tool_use|call|TOOLCALL|longcat_tool_call)>"
    r"(.*?)(?:</\1>|\Z)",
    re.DOTALL,
)
_PREFIX = r"(?:[\w\uff5c|]{1,12}[:\uff5c|])?"
"""A maker's own name before a tag: ``minimax:``, ``antml:``, ``steptml:``, ``\uff5cDSML\uff5c``."""
_FUNCTION = re.compile(
    r"<function(?:=|\s+name=\"?)([\w./-]+)\"?>(.*?)(?:</function>|(?=<function)|\Z)", re.DOTALL
)
_INVOKE = re.compile(
    rf"<{_PREFIX}invoke\s+name=\"([\w./-]+)\"[^>]{{0,80}}>(.*?)(?:</{_PREFIX}invoke\s*>|\Z)",
    re.DOTALL,
)
_PARAMETER = re.compile(
    rf"<{_PREFIX}parameter(?:=|\s+name=\"?)([\w./-]+)\"?[^>]{{0,80}}>(.*?)"
    rf"(?:</{_PREFIX}parameter>|(?=<{_PREFIX}parameter)|\Z)",
    re.DOTALL,
)
_CHILD = re.compile(r"<([\w.-]+)>(.*?)</\1>", re.DOTALL)
_GLM = re.compile(
    r"<(?:longcat_)?(?:arg_key|tool_call)>((?:(?!<).)*?)</(?:longcat_)?arg_key>\s*"
    r"<(?:longcat_)?arg_value>(.*?)</(?:longcat_)?arg_value>",
    re.DOTALL,
)
_MISTRAL = re.compile(r"\[TOOL_CALLS\]\s*")
_MISTRAL_NAMED = re.compile(r"([\w./-]+)\s*(?:\[CALL_ID\]\w*)?\s*(?:\[ARGS\])?\s*(?=\{)")
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

    ``thorough`` also reads every JSON object in the text, for what must not be repeated.
    """
    found: list[FoundCall] = []
    for form in (
        _codebuff,
        _tagged,
        _named_tags,
        _mistral,
        _python_tag,
        in_tokens,
        _fenced,
        _whole,
    ):
        found.extend(one for one in islice(form(text), MOST_CALLS) if not _overlaps(one, found))
    if thorough:
        found.extend(_anywhere(text))
    return sorted(found, key=lambda one: one.start)


def _overlaps(one: FoundCall, others: list[FoundCall]) -> bool:
    """Return whether calls overlap: those of one form may share a range (a list of calls)."""
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
            name = body.partition("<")[0].strip()
            yield FoundCall(name, dict(_stripped(pairs)), *match.span(), texts=True, marked=True)
            continue
        written = list(pythonic(body))
        yield from (FoundCall(*one, *match.span(), marked=True) for one in written)
        for value in () if written else _values(body):
            yield from _marked(_calls_in(value, match.span(), _guess(body)))


def _named_tags(text: str) -> Iterator[FoundCall]:
    for pattern in (_FUNCTION, _INVOKE):
        for match in pattern.finditer(text):
            if pairs := _PARAMETER.findall(match[2]):
                given = dict(_stripped(pairs))
                yield FoundCall(match[1], given, *match.span(), texts=True, marked=True)
                continue
            if children := _CHILD.findall(match[2]):
                given = {name: _child(value) for name, value in children}
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


def _child(value: str) -> Any:
    """Read a value in a tag with its parameter's name (MiniMax)."""
    if inner := re.findall(r"<item>(.*?)</item>", value, re.DOTALL):
        return [one.strip() for one in inner]
    return value.removeprefix("\n").removesuffix("\n")


def in_tokens(text: str) -> Iterator[FoundCall]:
    """Read calls between a model's own tokens (`TOKENS`)."""
    for match in _TOKEN_CALL.finditer(text):
        value, end = _decoded(text, match.end())
        if isinstance(value, dict):
            end = _behind(text, end)
            yield FoundCall(
                match[1] or match[2], cast("Value", value), match.start(), end, marked=True
            )
    for match in _GEMMA_CALL.finditer(text):
        value, end = gemma_value(text, match.end())
        if isinstance(value, dict):
            end = _behind(text, end)
            yield FoundCall(match[1], cast("Value", value), match.start(), end, marked=True)
    for match in _TOKEN_LIST.finditer(text):
        value, end = _decoded(text, match.end())
        if end > match.end():
            span = match.start(), _behind(text, end)
            yield from _marked(_calls_in(value, span))
            yield from _marked(_by_key(value, span))
            continue
        body = re.split(r"<\|", text[match.end() :], maxsplit=1)[0]
        span = match.start(), _behind(text, match.end() + len(body))
        for one in pythonic(body):
            yield FoundCall(*one, *span, marked=True)


def _by_key(value: object, span: tuple[int, int]) -> Iterator[FoundCall]:
    """Read ``[{"NAME": {…}}]`` (Apertus)."""
    many: list[Any] = cast("list[Any]", value) if isinstance(value, list) else []
    for one in many:
        if isinstance(one, dict) and len(cast("dict[str, Any]", one)) == 1:
            ((name, given),) = cast("dict[str, Any]", one).items()
            if isinstance(given, dict) and name not in (*_NAME_KEYS, *_INPUT_KEYS):
                yield FoundCall(name, cast("Value", given), *span)


def _behind(text: str, end: int) -> int:
    """Extend a range over the closing tokens."""
    match = _CLOSING.match(text, end)
    return match.end() if match is not None else end


_BAR = "[|\uff5c]"
_GAP = "[\u2581_ ]"
_TOKEN_CALL = re.compile(
    # DeepSeek V3 and V3.1, Kimi K2
    rf"<{_BAR}tool{_GAP}call{_GAP}begin{_BAR}>\s*(?:function<{_BAR}tool{_GAP}sep{_BAR}>)?\s*"
    rf"(?:functions\.)?([\w./-]+?)(?::\d+)?\s*"
    rf"(?:<{_BAR}tool{_GAP}(?:sep|call{_GAP}argument{_GAP}begin){_BAR}>)?\s*(?:```(?:json)?)?\s*(?=\{{)"
    # gpt-oss (harmony), whole and with its tokens stripped; Functionary; Solar
    r"|(?:<\|start\|>(?:assistant)?|<\|channel\|>|^|\b)\s*(?:(?:commentary|analysis|assistant)\s*)?"
    r"\bto=(?:functions\.)?([\w./-]+)\s*(?:<\|channel\|>\s*(?:commentary|analysis))?\s*"
    r"(?:<\|constrain\|>)?\s*(?:json|code)?\s*(?:<\|message\|>)?\s*(?=\{)",
    re.MULTILINE,
)
_GEMMA_CALL = re.compile(r"<(?:\|tool_call|start_function_call)>\s*call:([\w.-]+)\s*(?=\{)")
_TOKEN_LIST = re.compile(
    r"(?:<\|tool_calls?\|>|<\|START_ACTION\|>|\bfunctools(?=\[)|<\|action_start\|>\s*<\|plugin\|>"
    r"|<\|tools_prefix\|>|<\|tool_call_start\|>|<\|python_start\|>|<\|python_tag\|>(?=\s*\w+\())\s*"
)
_CLOSING = re.compile(
    r"(?:\s*(?:```|<\|call\|>|</?[|\uff5c]?/?tool[\w \u2581]*[|\uff5c]?>"
    r"|<[|\uff5c]?/?[\w \u2581]*(?:end|suffix|eom)[\w \u2581]*[|\uff5c]?>"
    r"|<end_function_call>|<\|END_ACTION\|>))+",
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
    """Return whether broken JSON looks like a call: it begins with a name and has an input."""
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
    """Read one or several JSON values in a row; nothing if other text stands between."""
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
    """Read sloppy JSON: a comma too many, a bracket too few, doubled braces."""
    text = _undoubled(text)
    try:
        return read(text)
    except RecursionError:
        return None
    except ValueError:
        import json_repair  # noqa: PLC0415  # only if a call is left in the text

        return json_repair.loads(text) if "{" in text else None


def _undoubled(text: str) -> str:
    """Undo doubled braces, which some models copy from a template."""
    text = text.strip()
    if text.startswith("{{") and not text.startswith("{{}"):
        return text[1:-1] if text.endswith("}}") else text[1:]
    return text


def _guess(text: str) -> str:
    """Return the text if only a guess makes it JSON; empty if it can be read."""
    try:
        read(_undoubled(text))
    except (ValueError, RecursionError):
        return text
    return ""


def _stripped(pairs: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Strip a value, since templates put each on its own lines."""
    for name, value in pairs:
        yield name.strip(), value.removeprefix("\n").removesuffix("\n")
