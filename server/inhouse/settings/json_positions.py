"""Finds where a setting is in a JSON file."""

import json
import re
from collections.abc import Iterator, Sequence

from inhouse.core.positions import range_at
from inhouse.core.text import START, Range

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def locate(text: str, path: Sequence[str | int]) -> Range:
    """Return the range of the key that leads to a value, or of the nearest one around it.

    *text* is valid JSON.
    """
    at, found = _skip(text, 0), START
    for part in path:
        place = next((rest for name, *rest in _members(text, at) if name == part), None)
        if place is None:
            break
        start, end, at = place
        found = range_at(text, start, end)
    return found


def _members(text: str, at: int) -> Iterator[tuple[str, int, int, int]]:
    """Yield each key of the object at an offset, with its start, its end and its value's start."""
    if text[at] != "{":
        return
    at = _skip(text, at + 1)
    while text[at] == '"':
        name, end = _DECODER.raw_decode(text, at)
        value = _skip(text, _skip(text, end) + 1)
        yield name, at, end, value
        at = _skip(text, _DECODER.raw_decode(text, value)[1])
        at = _skip(text, at + 1) if text[at] == "," else at


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
