"""JavaScript's strings, numbers and conversions, as Python values."""

import re
from typing import TYPE_CHECKING, Any

from inhouse.definitions.readers.parsed_values import UNDEFINED, UNKNOWN, FunctionText, Missing
from inhouse.definitions.typescript.parsing import Source

if TYPE_CHECKING:
    from tree_sitter import Node

_SIMPLE = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}
_LINE_END = re.compile(r"\r\n?")
_SURROGATE = re.compile("[\ud800-\udfff]")
_BASES = {"0x": 16, "0o": 8, "0b": 2}
_EXACT = 2**53
_TOP = 0x10FFFF
_LONGEST_NUMBER = 400


def string_value(node: "Node", source: Source) -> str:
    """Return the text of a quoted string."""
    parts = [fragment(child, source) for child in node.children[1:-1]]
    return whole_text("".join(parts))


def fragment(node: "Node", source: Source) -> str:
    """Return one piece of a string or template: plain text or an escape."""
    text = source.text(node)
    if node.type != "escape_sequence":
        return _LINE_END.sub("\n", text)
    body = text[1:]
    if body[:1] in {"\n", "\r", "\u2028", "\u2029"}:
        return ""
    if body[:1] in {"x", "u"}:
        code = int(body[1:].strip("{}") or "0", 16)
        return chr(code) if code <= _TOP else "\ufffd"
    return _SIMPLE.get(body, body)


def whole_text(text: str) -> str:
    """Join surrogate pairs; an unpaired one becomes the replacement character."""
    if _SURROGATE.search(text) is None:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def number_value(text: str) -> Any:
    plain = text.replace("_", "").lower()
    if len(plain) > _LONGEST_NUMBER:
        return UNKNOWN
    try:
        if plain[:2] in _BASES:
            return int(plain, _BASES[plain[:2]])
        if plain.isdigit() and (plain == "0" or not plain.startswith("0")):
            return int(plain) if len(plain) < 16 else whole(float(plain))  # noqa: PLR2004
        if plain.endswith("n") or (plain.startswith("0") and plain[1:2].isdigit()):
            return UNKNOWN
        return whole(float(plain))
    except (ValueError, OverflowError):
        return UNKNOWN


def whole(number: float) -> Any:
    """Return a whole number as int, since JavaScript has only one kind of number."""
    if number != number or number in {float("inf"), float("-inf")}:  # noqa: PLR0124 - NaN
        return UNKNOWN
    return int(number) if number.is_integer() and abs(number) < _EXACT else number


def as_text(value: object) -> str | Missing:  # noqa: PLR0911 - a table
    """Return the text of ``${value}``."""
    if isinstance(value, FunctionText):
        return UNKNOWN
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if value is UNDEFINED:
        return "undefined"
    if isinstance(value, int) and abs(value) < _EXACT:
        return str(value)
    return UNKNOWN


def is_true(value: object) -> bool:
    """Return whether a scalar is truthy in JavaScript."""
    return value is not UNDEFINED and bool(value)
