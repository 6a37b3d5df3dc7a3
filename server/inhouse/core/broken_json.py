"""JSON that a model broke outside its strings; no string or number is changed.  Pure."""

import json
import re
from collections.abc import Iterator
from typing import Any

_STRING = re.compile(r'("(?:[^"\\]|\\.)*")', re.DOTALL)
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_BARE_KEY = re.compile(r"([{,]\s*)([A-Za-z_]\w*)(\s*:)")
_PYTHON = {"True": "true", "False": "false", "None": "null"}
_PYTHON_WORD = re.compile(r"\b(True|False|None)\b")
_CLOSING = {"{": "}", "[": "]"}


class BrokenJsonError(ValueError):
    """The text cannot be read without guessing a value; the message says why."""


def read(text: str) -> Any:
    """Read JSON that has raw line breaks in strings, or wrong commas and brackets.

    Raises `BrokenJsonError` if a text breaks off, if there are several values, if a key occurs
    twice with different values, and for everything else that only a guess would fix.
    """
    for candidate in _readings(text):
        try:
            value, end = _DECODER.raw_decode(candidate.lstrip())
        except RecursionError:
            raise
        except BrokenJsonError:
            raise
        except ValueError:
            continue
        rest = candidate.lstrip()[end:].strip()
        if rest[:1] in {"{", "["}:
            raise BrokenJsonError("has two values in a row; make one call for each")
        if rest.strip("}] \t\r\n"):
            raise BrokenJsonError("has other text after the JSON")
        return value
    if '"' in "".join(_STRING.split(text)[::2]):
        raise BrokenJsonError(
            "breaks off inside a string, or has a quotation mark without \\ in one"
        )
    raise BrokenJsonError("is not JSON")


def _readings(text: str) -> Iterator[str]:
    """Yield the text as it is, then with the parts between its strings repaired, if that helps."""
    yield text
    parts = _STRING.split(text)
    if '"' in "".join(parts[::2]):
        return
    open_brackets: list[str] = []
    for at in range(0, len(parts), 2):
        part = _PYTHON_WORD.sub(lambda match: _PYTHON[match[1]], parts[at])
        parts[at] = _BARE_KEY.sub(r'\1"\2"\3', _TRAILING_COMMA.sub(r"\1", part))
        for sign in part:
            if sign in _CLOSING:
                open_brackets.append(_CLOSING[sign])
            elif sign in "}]" and open_brackets and open_brackets.pop() != sign:
                return
    yield "".join((*parts, *reversed(open_brackets)))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        for key, value in pairs:
            if made[key] != value:
                raise BrokenJsonError(f"has {key!r} twice, with two values")
    return made


def _refuse(constant: str) -> Any:
    raise BrokenJsonError(f"has {constant}, which is not JSON")


_DECODER = json.JSONDecoder(strict=False, object_pairs_hook=_once, parse_constant=_refuse)
