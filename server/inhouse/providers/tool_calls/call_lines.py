"""One-line calls, as in Python: ``read_files(["a.py"])``."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from attrs import frozen

from inhouse.core.ports import ToolSpec
from inhouse.core.tool_names import tool_meant

LONGEST = 100_000
"""How many characters of one call are read."""
MOST_CALLS = 64

_START = re.compile(r"^[ \t]*(?:[-*+] |\d+[.)] )?([A-Za-z_][\w.-]*)[ \t]*\(", re.MULTILINE)
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"""|\'\'\'(?:[^\\]|\\.)*?\'\'\'|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'',
    re.DOTALL,
)
_AFTER = re.compile(r"[ \t]*[;.]?[ \t]*(?:(?:#|//)[^\n]*)?(?=\n|\Z)")
_WORDS: Mapping[str, Any] = {"true": True, "false": False, "null": None, "undefined": None}


@frozen
class LineCall:
    """A call on lines of its own."""

    name: str
    """The declared tool."""
    input: Mapping[str, Any] | None
    """None if the text in the brackets cannot be read."""
    start: int
    end: int


def line_calls(text: str, specs: Mapping[str, ToolSpec]) -> Iterator[LineCall]:
    """Find calls of declared tools on lines of their own."""
    position = found = 0
    while found < MOST_CALLS and (match := _START.search(text, position)) is not None:
        position = match.end()
        name = tool_meant(match[1], specs)
        if name is None:
            continue
        start = match.start(1)
        close = _closing(text, match.end())
        if close is None:
            close = _end_of_line(text, match.end())
            if text[match.end() : close].strip().endswith(")"):
                close = text.rindex(")", match.end(), close)
            given = _loose(text[match.end() : close].rstrip(") \t"), specs[name])
            end = min(close + 1, len(text))
        elif _AFTER.match(text, close + 1) is None:
            continue  # more words follow: it is mentioned, not called
        else:
            given = _arguments(text[match.end() : close], specs[name])
            end = close + 1
        yield LineCall(name, given, start, end)
        position, found = end, found + 1


def written_line(name: str, given: Mapping[str, Any], spec: ToolSpec | None) -> str:
    """Write a call in the form that models are asked for."""
    names = list(_properties(spec)) if spec is not None else []
    required = _required(spec) if spec is not None else []
    if len(given) == 1 and (only := next(iter(given))) in (required[:1] or names[:1]):
        return f"{name}({_value(given[only])})"
    return f"{name}({', '.join(f'{key}={_value(value)}' for key, value in given.items())})"


def described(spec: ToolSpec) -> str:
    """Describe a tool in one line."""
    required = _required(spec)
    parts = [
        f"{key}{'' if key in required else '?'}{_shape(schema)}"
        for key, schema in sorted(_properties(spec).items(), key=lambda one: one[0] not in required)
    ]
    purpose = re.split(r"(?<=[.!?])\s", spec.description.strip(), maxsplit=1)[0]
    return f"{spec.name}({', '.join(parts)}) - {purpose}"


def _properties(spec: ToolSpec) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", spec.parameters.get("properties") or {})


def _required(spec: ToolSpec) -> list[str]:
    return [str(name) for name in spec.parameters.get("required") or ()]


def _shape(schema: object) -> str:
    """Show lists and objects; a plain value needs no word."""
    shape = _inner(schema, 0)
    return f": {shape}" if shape else ""


def _inner(schema: Any, depth: int) -> str:
    if not isinstance(schema, Mapping) or depth > 3:  # noqa: PLR2004  deeper than any call
        return ""
    fields = cast("Mapping[str, Any]", schema)
    choices = fields.get("anyOf") or fields.get("oneOf")
    if isinstance(choices, (list, tuple)) and choices:
        return _inner(choices[0], depth + 1)
    match fields.get("type"):
        case "array":
            return f"[{_inner(fields.get('items'), depth + 1) or '...'}]"
        case "object":
            inner = cast("Mapping[str, Any]", fields.get("properties") or {})
            needed = fields.get("required") or ()
            return "{" + ", ".join(f"{key}{'' if key in needed else '?'}" for key in inner) + "}"
        case _:
            return ""


def _value(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _closing(text: str, start: int) -> int | None:
    """Find the bracket that closes a call, past strings and inner brackets."""
    depth, position = 1, start
    limit = min(len(text), start + LONGEST)
    while position < limit:
        character = text[position]
        if character in "\"'":
            string = _STRING.match(text, position, limit)
            if string is None:
                return None
            position = string.end()
            continue
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
            if depth == 0:
                return position if character == ")" else None
        elif character == "\n" and depth == 1 and text[start:position].strip() == "":
            pass
        position += 1
    return None


def _end_of_line(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def _arguments(body: str, spec: ToolSpec) -> Mapping[str, Any] | None:
    """Read the text in the brackets as JSON, as Python or as bare words."""
    try:
        tree = ast.parse(f"f({body.strip()}\n)", mode="eval").body
        assert isinstance(tree, ast.Call)  # noqa: S101  nothing else parses there
        positional = [_literal(one) for one in tree.args]
        named = {one.arg: _literal(one.value) for one in tree.keywords if one.arg}
    except (SyntaxError, ValueError, MemoryError, RecursionError, AssertionError):
        return _loose(body, spec)
    names = list(_properties(spec))
    if len(positional) == 1 and isinstance(positional[0], dict) and not named:
        only = cast("dict[str, Any]", positional[0])
        if not names or set(only) & set(names):
            return only
    order = [*(name for name in _required(spec) if name in names)]
    order += [name for name in names if name not in order]
    first = order[0] if order else ""
    if (
        len(positional) > 1
        and _is_list(spec, first)
        and all(isinstance(one, str) for one in positional)
    ):
        return {first: positional, **named}
    if len(positional) > len(order):
        return None
    return {**dict(zip(order, positional, strict=False)), **named}


def _is_list(spec: ToolSpec, name: str) -> bool:
    schema = _properties(spec).get(name)
    return isinstance(schema, Mapping) and cast("Mapping[str, Any]", schema).get("type") == "array"


def _literal(node: ast.expr) -> Any:
    """Read a value as Python or JSON writes it.  Raises `ValueError`."""
    match node:
        case ast.Name(id=word):
            if word in _WORDS:
                return _WORDS[word]
            raise ValueError(word)
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_literal(one) for one in items]
        case ast.Dict(keys=keys, values=values):
            names = [_key(key) for key in keys]
            return dict(zip(names, (_literal(one) for one in values), strict=True))
        case _:
            value = ast.literal_eval(node)
            if isinstance(value, (str, int, float, bool)) or value is None:
                return value
            raise ValueError(type(value).__name__)


def _key(node: ast.expr | None) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if node is None:
        raise ValueError("**")
    return str(ast.literal_eval(node))


def _loose(body: str, spec: ToolSpec) -> Mapping[str, Any] | None:
    """Read a text without its quotes, or with quotes in it, if it is the only argument."""
    required = _required(spec)
    if len(required) > 1 or not (required or _properties(spec)):
        return None
    name = required[0] if required else next(iter(_properties(spec)))
    text = body.strip()
    text = re.sub(rf"^{re.escape(name)}\s*[=:]\s*", "", text)
    if not text or text[0] in "[{":
        return None
    if len(text) > 1 and text[0] in "\"'" and text[-1] == text[0]:
        text = text[1:-1]
    elif text[0] in "\"'" or "=" in text.partition(" ")[0]:
        text = text.lstrip("\"'")
    return {name: text.replace('\\"', '"')} if text else None
