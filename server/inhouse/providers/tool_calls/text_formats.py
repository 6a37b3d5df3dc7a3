"""The forms in which models write tool calls as text, and their places."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from types import MappingProxyType
from typing import Any, cast

from attrs import evolve, frozen

from inhouse.core.broken_json import read
from inhouse.core.json_values import mapping
from inhouse.core.tool_names import tool_meant
from inhouse.providers.tool_calls.call_values import gemma_value, python_at, pythonic

Value = Mapping[str, Any]

MOST_CALLS = 64
"""Of one form in one answer; a model that writes more is stuck."""


@frozen
class FoundCall:
    """Something that looks like a call."""

    name: str
    """Empty if it cannot be read, so that nothing inside it is taken for a call either."""
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
_TAG = re.compile(
    r"<(?P<open>tool_calls?|function_calls?|functioncall|tools?|tool[_-]use|call|toolcall|invoke"
    r"|longcat_tool_call)(?P<more>\s[^<>]{0,4000})?>"
    r"|\[(?P<bracket>TOOL_REQUEST|TOOL_CALL)\]"
    r"|</(?:tool_calls?|function_calls?|functioncall|tools?|tool[_-]use|call|toolcall|invoke"
    r"|longcat_tool_call)\s*>|\[END_TOOL_REQUEST\]|\[/TOOL_CALL\]",
    re.IGNORECASE,
)
_MOST_TAGS = 4 * MOST_CALLS
_NAME_ATTRIBUTE = re.compile(r"""\bname\s*=\s*["']([\w./:-]+)["']""")
_INPUT_ATTRIBUTE = re.compile(
    r"""\b(?:arguments|parameters|input|args)\s*=\s*(["'])(?P<value>.*)\1""", re.DOTALL
)
_CALL_TAGS = ("tool_call", "function_call", "toolcall", "functioncall", "longcat_tool_call")
_NAME_ALONE = re.compile(r"[A-Za-z_][\w.-]{0,80}")
_NAMED_BODY = re.compile(r"([\w./:-]+)\s*(?:<tool_sep>)?\s*\(?\s*(?:```(?:json)?\s*)?(?=\{)")
_BARS = r" ?[|\uff5c\u2016]{1,2} ?"
PREFIX = rf"(?:\w{{1,12}}:|(?:{_BARS})?\w{{1,12}}{_BARS})?"
"""A maker's own name before a tag: ``minimax:``, ``antml:``, ``steptml:``, ``\uff5cDSML\uff5c``."""
_XML = re.compile(
    rf"""<{PREFIX}(?:function|invoke)(?:=|\s+name=)["']?(?P<call>[\w./:-]{{1,80}})["']?"""
    # Llama at Groq forgets the end of its tag: <function=NAME{…}</function>
    r"""(?:[\s,(\[\]]{0,6}(?=\{)|(?P<more>[^<>]{0,4000})>)"""
    rf"""|(?P<end></{PREFIX}(?:function|invoke)\s*>)"""
    rf"""|<{PREFIX}parameter(?:=|\s+name=)["']?(?P<value>[\w./-]+)["']?[^<>]{{0,80}}>"""
    rf"""|(?P<ended></{PREFIX}parameter\s*>)"""
)
_KEYED = re.compile(
    r"(?:<(?:longcat_)?tool_call>\s*|^)(?P<call>[\w./:-]+)\s*(?:<tool_sep>\s*)?(?P<more>)"
    r"(?=(?:<(?:longcat_)?(?:arg_key|tool_call)>\s{0,9}){1,3}[^<>]{1,200}</)"
    r"|(?P<end></(?:longcat_)?tool_call>)"
    r"|(?:<(?:longcat_)?(?:arg_key|tool_call)>\s{0,9}){1,3}(?P<value>[^<>]{1,200}?)"
    r"(?:</(?:longcat_)?arg_key>\s{0,9}){1,3}<(?:longcat_)?arg_value>"
    r"|(?P<ended></(?:longcat_)?arg_value>)",
    re.MULTILINE,
)
"""GLM's form: each key, and each value, has a tag; it may write one tag for another, or twice."""
_OPENED = re.compile(r"<([\w.-]+)>")
_MOST_CHILDREN = 64
_MISTRAL = re.compile(r"\[TOOL_CALLS\]\s*|(?=\b[\w./-]{1,80}(?:\[CALL_ID\]\w{1,40})?\[ARGS\])")
_MISTRAL_NAMED = re.compile(r"([\w./-]+)\s*(?:\[CALL_ID\]\w*)?\s*(?:\[ARGS\]\s*(?=[{\"])|(?=\{))")
_PYTHON_TAG = re.compile(r"<\|python_tag\|>\s*")
_FENCED = re.compile(
    r"^[ \t]*(`{3,}|~{3,})[ \t]*(?P<word>\w*)[ \t]*\n(?P<body>.*?)(?:^[ \t]*\1[ \t]*$|\Z)",
    re.MULTILINE | re.DOTALL,
)
_CALL_FENCES = (
    *("tool_call", "tool_calls", "tool_code", "tool", "tools"),
    *("function", "function_call", "function_calls", "call"),
)
_FENCE_NAMES = (
    *("", "json", "jsonc", "json5", "xml", "text", "plaintext", "javascript"),
    *_CALL_FENCES,
)
_NAME_KEYS = (
    *("name", "tool_name", "tool", "function_name", "function", "action", "recipient_name"),
)
_LIST_KEYS = ("tool_calls", "tool_uses", "function_call", "tool_call", "function_calls")
"""Members around calls, as in OpenAI's answers."""
_INPUT_KEYS = ("arguments", "parameters", "input", "args", "params", "tool_input", "action_input")

_decoder = json.JSONDecoder(strict=False)


Tools = Mapping[str, Mapping[str, Any]]
"""The names of the declared tools, and their parameters."""


def candidates(
    text: str, tools: Tools = MappingProxyType({}), *, thorough: bool = False
) -> list[FoundCall]:
    """Return what looks like calls, in order, none inside another: what is inside is its content.

    ``tools`` are the declared ones, whose names alone may begin a call.  ``thorough`` also reads
    every JSON object in the text, for what must not be repeated.
    """
    found: list[tuple[int, FoundCall]] = []
    for number, form in enumerate(
        (
            _codebuff,
            _tagged,
            partial(_valued, tokens=_XML),
            partial(_valued, tokens=_KEYED),
            _mistral,
            _python_tag,
            in_tokens,
            _in_lines,
            partial(_fenced, tools=tools),
            partial(_whole, tools=tools),
            partial(_plain, tools=tools, anywhere=thorough),
        )
    ):
        found.extend((number, one) for one in islice(form(text), MOST_CALLS))
    kept = [one for one in _outermost(found) if one.name]
    if thorough:
        kept.extend(_anywhere(text))
    return sorted(kept, key=lambda one: one.start)


def _outermost(found: list[tuple[int, FoundCall]]) -> list[FoundCall]:
    """Drop what is inside another, or found again; calls of one form may share a range (a list)."""
    kept: list[tuple[int, FoundCall]] = []
    end = -1
    for number, one in sorted(found, key=lambda each: (each[1].start, -each[1].end, each[0])):
        last = kept[-1] if kept else None
        listed = (
            last is not None
            and last[0] == number
            and (last[1].start, last[1].end) == (one.start, one.end)
        )
        if listed or one.start >= end:
            kept.append((number, one))
            end = max(end, one.end)
    return [one for _, one in kept]


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
    """Read calls between tags: JSON, a name and JSON, Python, or a tag for each part."""
    tags = list(islice(_TAG.finditer(text), _MOST_TAGS))
    over = 0
    for number, tag in enumerate(tags):
        if tag.start() < over or not (tag["open"] or tag["bracket"]):
            continue
        more = tag["more"] or ""
        if more.strip() and (tag["open"] or "").lower() == "invoke":
            continue  # `_valued` reads it
        after = tags[number + 1] if number + 1 < len(tags) else None
        values, end = _values_at(text, tag.end())
        if values and not more.strip():
            calls = [one for value in values for one in _calls_in(value, (0, 0))]
            calls = calls or [one for value in values for one in _by_key(value, (0, 0))]
            if calls:
                end = _behind_tag(text, end)
                over = end
                yield from (evolve(one, start=tag.start(), end=end, marked=True) for one in calls)
                continue
        if more.rstrip().endswith("/"):
            yield from _marked(_in_tag("", tag, tag.span()))
            continue
        if _PART.match(text, tag.end()):
            after = _closing(tags, number)
        is_closed = after is not None and not (after["open"] or after["bracket"])
        stop = after.start() if after is not None else len(text)
        span = tag.start(), after.end() if after is not None and is_closed else stop
        body = text[tag.end() : stop].strip()
        read = list(_in_tag(body, tag, span))
        is_broken = body.startswith("{") and not values and not is_closed
        if (is_broken and stop < len(text)) or (not read and _PART.match(text, tag.end())):
            read = [FoundCall("", {}, tag.start(), len(text))]
        for one in read:
            over = one.end
            yield evolve(one, marked=True)


_PART = re.compile(rf"\s*<(?:{'|'.join((*_NAME_KEYS, *_INPUT_KEYS))})>")


def _closing(tags: list[re.Match[str]], number: int) -> re.Match[str] | None:
    """Return the tag that closes this one; None if nothing does, so that all the rest is in it."""
    depth = 0
    for tag in tags[number:]:
        depth += 1 if tag["open"] or tag["bracket"] else -1
        if depth == 0:
            return tag
    return None


def _in_tag(body: str, tag: re.Match[str], span: tuple[int, int]) -> Iterator[FoundCall]:
    """Read what stands between the tags of a call, and in the opening one."""
    more = tag["more"] or ""
    if named := _NAME_ATTRIBUTE.search(more):
        given = _INPUT_ATTRIBUTE.search(more)
        value = _loose(given["value"]) if given else _input_in(body)
        if isinstance(value, dict):
            written = given["value"] if given else body
            guess = "" if written[:1] in ("", "<") else _guess(written)
            yield FoundCall(named[1], cast("Value", value), *span, texts=not given, guessed=guess)
        return
    # `_valued` reads those.
    is_valued = "<function" in body or "<invoke" in body or "arg_key>" in body
    if _PART.match(body) or (body.startswith("<") and not is_valued):
        yield from _by_parts(dict(_children(body)), span)
    elif _NAME_ALONE.fullmatch(body):
        if (tag["open"] or "").lower() in _CALL_TAGS:  # GLM, for a tool without parameters
            yield FoundCall(body, {}, *span)
    elif not is_valued:
        yield from _in_body(body, span)


def _in_body(body: str, span: tuple[int, int]) -> Iterator[FoundCall]:
    """Read Python, ``NAME {…}``, and JSON that must be repaired first."""
    if written := list(pythonic(body)):
        yield from (FoundCall(*one, *span) for one in written)
        return
    if match := _NAMED_BODY.match(body):
        value, _ = _decoded(body, match.end())
        if isinstance(value, dict):
            yield FoundCall(match[1], cast("Value", value), *span)
            return
    for value in _values(body):
        yield from _calls_in(value, span, _guess_of(body))


def _by_parts(parts: dict[str, str], span: tuple[int, int]) -> Iterator[FoundCall]:
    """Read ``<name>…</name><arguments>…</arguments>``, or one tag with the tool's name."""
    name = next((parts[key].strip() for key in _NAME_KEYS if key in parts), "")
    given = next((parts[key] for key in _INPUT_KEYS if key in parts), None)
    if not name and len(parts) == 1:
        ((name, given),) = parts.items()
    value = _input_in(given.strip()) if name and given is not None else None
    if isinstance(value, dict):
        yield FoundCall(name, cast("Value", value), *span, texts=True)


def _input_in(body: str) -> Any:
    """Read an input: JSON, or a tag for each parameter."""
    if not body:
        return {}
    if body.startswith("<"):
        return {name: _child(value) for name, value in _children(body)} or None
    return _loose(body)


def _children(body: str) -> Iterator[tuple[str, str]]:
    """Yield the tags in a text, and what stands in each."""
    at = 0
    for _ in range(_MOST_CHILDREN):
        opened = _OPENED.search(body, at)
        if opened is None:
            return
        end = body.find(f"</{opened[1]}>", opened.end())
        at = opened.end()
        if end >= 0:
            yield opened[1], body[at:end]
            at = end + len(opened[1]) + 3


def _valued(text: str, tokens: re.Pattern[str]) -> Iterator[FoundCall]:
    """Read calls with a tag for each value, in one pass; a call inside a value is its content."""
    marks = list(islice(tokens.finditer(text), _MOST_MARKS))
    number = 0
    while number < len(marks):
        mark = marks[number]
        number += 1
        if not mark["call"]:
            continue
        value, end = _decoded(text, mark.end())
        if isinstance(value, dict):  # <function=NAME>{…}</function>
            while number < len(marks) and marks[number].start() < end:
                number += 1
            if number < len(marks) and marks[number]["end"]:
                end = marks[number].end()
                number += 1
            yield FoundCall(mark["call"], cast("Value", value), mark.start(), end, marked=True)
            continue
        if mark["more"] is None:
            continue  # Without the end of its tag, only whole JSON makes it a call.
        given, end, number, whole = _values_after(text, marks, number)
        if given:
            guess = "" if whole else text[mark.start() : end]
            span = mark.start(), end
            yield FoundCall(mark["call"], given, *span, texts=True, guessed=guess, marked=True)
        elif (found := _inside(text[mark.end() : end], mark)) is not None:
            yield evolve(found, start=mark.start(), end=end)


def _values_after(
    text: str, marks: list[re.Match[str]], begin: int
) -> tuple[dict[str, str], int, int, bool]:
    """Return a call's values, its end, the mark to go on with, and whether its last value ends."""
    given: dict[str, str] = {}
    whole, number, end = True, begin, len(text)
    while number < len(marks) and not marks[number]["call"]:
        mark = marks[number]
        number += 1
        if mark["end"]:
            return given, mark.end(), number, whole
        if mark["value"]:
            end, number, whole = _value_end(text, marks, number)
            value = text[mark.end() : end]
            given[mark["value"].strip()] = value.removeprefix("\n").removesuffix("\n")
            closed = whole and marks[number - 1]["ended"]
            end = marks[number - 1].end() if closed else end
    if number < len(marks):
        end = marks[number].start()
    return given, end, number, whole


def _value_end(text: str, marks: list[re.Match[str]], begin: int) -> tuple[int, int, bool]:
    """Return where a value ends, the mark to go on with, and whether anything ends it.

    Calls that begin and end inside it are its content.
    """
    depth = 0
    for number in range(begin, len(marks)):
        mark = marks[number]
        if mark["call"]:
            depth += not (mark["more"] or "").endswith("/")
        elif depth:
            depth -= mark["end"] is not None
        elif mark["ended"]:
            return mark.start(), number + 1, True
        elif mark["value"] or not _goes_on(marks, number):
            return mark.start(), number, True
    if depth:  # A text that only speaks of a call.
        for number in range(begin, len(marks)):
            if marks[number]["ended"]:
                return marks[number].start(), number + 1, True
    wrapper = text.find("</tool_call>", marks[begin - 1].end())
    return (wrapper, len(marks), True) if wrapper >= 0 else (len(text), len(marks), False)


def _goes_on(marks: list[re.Match[str]], number: int) -> bool:
    """Return whether the value that has this closing tag of a call in it ends only later."""
    for mark in marks[number + 1 :]:
        if not mark["end"]:
            return mark["ended"] is not None
    return False


def _inside(body: str, mark: re.Match[str]) -> FoundCall | None:
    """Read a call without tags for its values: none, broken JSON, or a tag for each name."""
    body = re.sub(r"</[^<>]{1,40}>\s*$", "", body).strip()
    if not body and (mark["more"] or "").strip():
        found = _INPUT_ATTRIBUTE.search(mark["more"])
        body = found["value"] if found else ""
    if body.startswith("<"):
        given = {name: _child(value) for name, value in _children(body)}
        return FoundCall(mark["call"], given, 0, 0, texts=True, marked=True) if given else None
    value = _loose(body or "{}")
    if not isinstance(value, dict):
        return None
    return FoundCall(
        mark["call"], cast("Value", value), 0, 0, guessed=_guess(body or "{}"), marked=True
    )


_MOST_MARKS = 16 * MOST_CALLS


def listed_items(value: str) -> list[str] | None:
    """Read a list with a tag for each of its items (MiniMax)."""
    if re.match(r"\s*<item>", value) and value.rstrip().endswith("</item>"):
        return [one.strip() for one in re.findall(r"<item>(.*?)</item>", value, re.DOTALL)]
    return None


def _child(value: str) -> Any:
    """Read a value in a tag with its parameter's name (MiniMax)."""
    items = listed_items(value)
    return value.removeprefix("\n").removesuffix("\n") if items is None else items


def in_tokens(text: str) -> Iterator[FoundCall]:
    """Read calls between a model's own tokens (`TOKENS`)."""
    for match in _TOKEN_CALL.finditer(text):
        value, end = _decoded(text, match.end())
        if isinstance(value, dict):
            end = _behind(text, end)
            name = next(filter(None, match.groups()))
            yield FoundCall(name, cast("Value", value), match.start(), end, marked=True)
        else:
            yield FoundCall("", {}, match.start(), len(text))
    for match in _GEMMA_CALL.finditer(text):
        value, end = gemma_value(text, match.end())
        if isinstance(value, dict):
            end = _behind(text, end)
            yield FoundCall(match[1], cast("Value", value), match.start(), end, marked=True)
        else:
            yield FoundCall("", {}, match.start(), len(text))
    for match in _TOKEN_LIST.finditer(text):
        value, end = _decoded(text, match.end())
        if end > match.end():
            span = match.start(), _behind(text, end)
            yield from _marked(_calls_in(value, span))
            yield from _marked(_by_key(value, span))
            continue
        body = python_at(text, match.end()) or re.split(r"<\|", text[match.end() :], maxsplit=1)[0]
        span = match.start(), _behind(text, match.end() + len(body))
        for one in pythonic(body):
            yield FoundCall(*one, *span, marked=True)


def _by_key(value: object, span: tuple[int, int]) -> Iterator[FoundCall]:
    """Read ``{"NAME": {…}}``, or a list of such (Apertus)."""
    many: list[Any] = cast("list[Any]", value) if isinstance(value, list) else [value]
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
    # gpt-oss (harmony), whole and with its tokens stripped; then Solar, Functionary 2, and
    # DeepSeek without its first token
    r"|(?:<\|start\|>(?:assistant)?|<\|channel\|>|^|\b)\s*(?:(?:commentary|analysis|assistant)\s*)?"
    r"\bto=(?:functions\.)?([\w./-]+)\s*"
    r"(?:(?:<\|(?:channel|constrain)\|>\s*)?(?:commentary|analysis|json|code)\s*){0,3}"
    r"(?:<\|constrain\|>\s*)?(?:<\|message\|>)?\s*(?=\{)"
    r"|<\|tool_call:begin\|>[^<]{0,80}<\|tool_call:name\|>([\w./-]+)<\|tool_call:args\|>\s*(?=\{)"
    r"|(?:<\|from\|>\s*assistant\s*)?<\|recipient\|>\s*([\w./-]+)\s*<\|content\|>\s*(?=\{)"
    r"|\bfunction<[|\uff5c]tool[\u2581_ ]sep[|\uff5c]>([\w./-]+)\s*(?:```(?:json)?)?\s*(?=\{)",
    re.MULTILINE,
)
_GEMMA_CALL = re.compile(r"<(?:\|tool_call|start_function_call)>\s*call:([\w.-]+)\s*(?=\{)")
_TOKEN_LIST = re.compile(
    r"(?:<\|tool_calls?\|>|<\|START_ACTION\|>|\bfunctools(?=\[)|<\|action_start\|>\s*<\|plugin\|>"
    r"|<\|tools_prefix\|>|<\|tool_call_start\|>|<\|python_start\|>|<\|python_tag\|>(?=\s*[\w.]+\())\s*"
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
        if isinstance(value, str):  # the arguments as a text
            value = _loose(value)
        if named and isinstance(value, dict):
            yield FoundCall(named[1], cast("Value", value), match.start(), end, marked=True)
        elif not named:
            yield from _marked(_calls_in(value, (match.start(), end)))


def _python_tag(text: str) -> Iterator[FoundCall]:
    for match in _PYTHON_TAG.finditer(text):
        value, end = _decoded(text, match.end())
        yield from _marked(_calls_in(value, (match.start(), end)))


_LINES = re.compile(
    # Command R, and LangChain's agents
    r"^[ \t]*Action:[ \t]*(?:```(?:json)?\s*)?(?P<json>(?=[\[{]))"
    r"|^[ \t]*Action:[ \t]*(?P<action>[\w./-]+)[ \t]*\r?\n\s*Action Input:\s*(?=\{)"
    # Qwen-Agent; Functionary 3
    r"|^[ \t]*\u273fFUNCTION\u273f:[ \t]*(?P<flower>[\w./-]+)\s*\u273fARGS\u273f:\s*(?=\{)"
    r"|^>>>(?P<arrows>[\w./-]+)\r?\n\s*(?=\{)",
    re.MULTILINE,
)


def _in_lines(text: str) -> Iterator[FoundCall]:
    """Read calls whose lines begin with words of their own."""
    for match in _LINES.finditer(text):
        value, end = _decoded(text, match.end())
        name = match["action"] or match["flower"] or match["arrows"]
        if name and isinstance(value, dict):
            yield FoundCall(name, cast("Value", value), match.start(), end, marked=True)
        elif match["json"] is not None:
            yield from _marked(_calls_in(value, (match.start(), _behind(text, end))))


_TAIL = re.compile(
    r"(?:\s|</?(?:tool_calls?|function_calls?|s|arg_value|parameter|function)>"
    r"|<[|\uff5c][^<>|\uff5c]{1,40}[|\uff5c]>|[;,]|^Observation:?$)*",
    re.MULTILINE,
)
"""What may stand between and after calls that only a tool's name marks."""
_JSON_CALL = re.compile(
    r"^[ \t]*(?=\[?\s*\{\s*\"(?:name|tool|tool_name|function|function_name|type|action|tool_calls"
    r"|tool_uses|recipient_name|function_call|tool_call|role|id|arguments|parameters)\"\s*:)",
    re.MULTILINE,
)


def _plain(text: str, tools: Tools, *, anywhere: bool) -> Iterator[FoundCall]:
    """Read calls that nothing but a declared tool's name marks, at the end of an answer.

    JSON after other text, ``NAME {…}``, ``NAME({…})``, ``call:NAME{…}``, Python, ``<NAME>…</NAME>``
    and ``[Calling tool: NAME({…})]``, as some servers write a history.
    """
    if not any(name in text for name in tools):
        return
    names = "|".join(re.escape(name) for name in sorted(tools, key=len, reverse=True))
    begin = re.compile(
        rf"^(?:[ \t]|<\|[\w ]{{1,40}}\|>)*(?:(?P<tag><(?P<tagged>{names})>)"
        rf"|(?P<code>(?:print\()?\[?\s*(?:default_api\.|functions\.)?(?:{names})\((?!\s*\{{))"
        rf"|call:(?P<called>{names})(?=\{{)"
        r"|(?:functions\.|\[(?:Calling tool|Tool call)s?:[ \t]*)?"
        rf"(?P<name>{names})(?::\d{{1,6}})?[ \t]*(?:\(\s*|\r?\n[ \t]*)?(?=\{{))",
        re.MULTILINE,
    )
    found: list[FoundCall] = []
    for match in islice(begin.finditer(text), MOST_CALLS):
        found += _named(text, match, tools)
    for match in islice(_JSON_CALL.finditer(text), MOST_CALLS):
        value, end = _decoded(text, match.end())
        found += _calls_in(value, (match.start(), end))
    if anywhere:
        yield from found
        return
    found = _outermost([(0, one) for one in found])
    last = len(text)
    for one in reversed(found):
        if one.end > last:
            continue
        if _TAIL.fullmatch(text, one.end, last) is None:
            break
        last = one.start
    yield from (one for one in found if one.start >= last)


def _named(text: str, match: re.Match[str], tools: Tools) -> Iterator[FoundCall]:
    start = match.start()
    if match["tag"]:
        name = match["tagged"]
        end = text.find(f"</{name}>", match.end())
        body = text[match.end() : end].strip() if end >= 0 else ""
        known = mapping(tools[name].get("properties"))
        value = _input_in(body) if body else None
        if isinstance(value, dict) and value and set(cast("Value", value)) <= set(known):
            given = cast("Value", value)
            yield FoundCall(name, given, start, end + len(name) + 3, texts=body.startswith("<"))
    elif match["code"]:
        code = python_at(text, match.start("code"))
        for one in pythonic(code):
            yield FoundCall(*one, start, match.start("code") + len(code))
    else:
        read = gemma_value if match["called"] else _decoded
        value, end = read(text, match.end())
        if isinstance(value, dict):
            if "(" in match[0] and (closed := re.compile(r"\s*\)\]?").match(text, end)):
                end = closed.end()
            name = match["called"] or match["name"]
            yield FoundCall(name, cast("Value", value), start, end)


def _marked(calls: Iterator[FoundCall]) -> Iterator[FoundCall]:
    return (evolve(one, marked=True) for one in calls)


def _fenced(text: str, tools: Tools) -> Iterator[FoundCall]:
    for match in _FENCED.finditer(text):
        word, body = match["word"].lower(), match["body"].strip()
        if word in _FENCE_NAMES:
            if word in _CALL_FENCES:
                yield from _script(body, match.span("body"), tools)
            for value in _values(body, mend=_looks_like_a_call(body)):
                yield from _calls_in(value, match.span("body"), _guess_of(body))


_ALL_CODE = re.compile(
    r"\s*(?:```python[ \t]*\n(?P<fenced>.*)```|<code>(?P<code>.*)</code>)\s*", re.DOTALL
)


def _whole(text: str, tools: Tools) -> Iterator[FoundCall]:
    """Read an answer that is JSON, or Python between its tags, and nothing else."""
    start = len(text) - len(text.lstrip())
    span = start, len(text.rstrip())
    if text[start : start + 1] in ("{", "["):
        body = text.strip()
        for value in _values(body, mend=_looks_like_a_call(body)):
            yield from _calls_in(value, span, _guess_of(body))
    elif code := _ALL_CODE.fullmatch(text):
        span = code.span("fenced") if code["fenced"] else span
        yield from _script(code["fenced"] or code["code"], span, tools)


def _script(code: str, span: tuple[int, int], tools: Tools) -> Iterator[FoundCall]:
    """Read Python that only calls tools: of any other script, no part is run."""
    written = list(pythonic(code))
    if all(tool_meant(name, tools) for name, _ in written):
        yield from (FoundCall(*one, *span) for one in written)


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
        beside = {key: fields[key] for key in _INPUT_KEYS if key in fields}
        yield from _calls_in({**beside, **cast("Value", inner)}, span, guess)
        return
    for key in _LIST_KEYS:
        if isinstance(inner := fields.get(key), list | dict):
            yield from _calls_in(inner, span, guess)
            return
    name = next((fields[key] for key in _NAME_KEYS if isinstance(fields.get(key), str)), None)
    given = next((fields[key] for key in _INPUT_KEYS if key in fields), None)
    if isinstance(given, str):
        guess = guess or _guess(given)
        given = _loose(given)
    if name and isinstance(given, dict) and not _is_declaration(fields, given):
        yield FoundCall(name, cast("Value", given), *span, guessed=guess)


def _is_declaration(fields: Mapping[str, Any], given: Any) -> bool:
    """Return whether this describes a tool, with its JSON Schema, and calls none."""
    return "description" in fields and given.get("type") == "object" and "properties" in given


def _values_at(text: str, start: int) -> tuple[list[Any], int]:
    """Read the JSON values that begin here, and return where they end."""
    values: list[Any] = []
    end = start
    while True:
        begin = _BETWEEN.match(text, end)
        position = begin.end() if begin is not None else end
        if text[position : position + 1] not in ("{", "["):
            return values, end
        value, after = _decoded(text, position)
        if after == position:
            return values, end
        values.append(value)
        end = after


_BETWEEN = re.compile(r"[\s,;]*")


def _behind_tag(text: str, end: int) -> int:
    """Extend a range over a closing tag."""
    match = _CLOSED.match(text, end)
    return match.end() if match is not None else end


_CLOSED = re.compile(r"\s*(?:</[\w:]{1,40}\s*>|\[END_TOOL_REQUEST\]|\[/TOOL_CALL\])", re.IGNORECASE)


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


def _guess_of(body: str) -> str:
    """Return the text if `_values` can only guess what it means."""
    return "" if _decoded(body, 0)[1] else _guess(body)


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
