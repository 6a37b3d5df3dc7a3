"""Places in a text, as LSP counts them: lines end with LF, CRLF or CR alone, columns are UTF-16.

`str.splitlines`, which pygls uses, also ends lines at form feeds and other separators; a document
with one of them would get out of step with the editor.
"""

import re
from bisect import bisect_right
from itertools import accumulate

from .text import Position, Range

_LINE_END = re.compile(r"\r\n|\n|\r")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")


def utf16_length(text: str) -> int:
    """Count the UTF-16 code units of a text: characters beyond U+FFFF are two."""
    return len(text) if text.isascii() else len(text) + len(_ASTRAL.findall(text))


def line_starts(text: str) -> list[int]:
    """Return the offset at which each line begins."""
    if "\r" not in text:
        return [0, *accumulate(len(line) + 1 for line in text.split("\n")[:-1])]
    return [0, *(match.end() for match in _LINE_END.finditer(text))]


def offset_at(text: str, position: Position, starts: list[int] | None = None) -> int:
    """Return the offset of a position; one beyond its line or the text is moved to the end."""
    starts = line_starts(text) if starts is None else starts
    if position.line >= len(starts):
        return len(text)
    start = starts[position.line]
    end = _line_length(text, starts, position.line)
    line = text[start : start + end]
    if line.isascii():
        return start + min(position.character, len(line))
    units = 0
    for index, character in enumerate(line):
        if units >= position.character:
            return start + index
        units += 2 if character > "\uffff" else 1
    return start + len(line)


def position_at(text: str, offset: int, starts: list[int] | None = None) -> Position:
    """Return the position of an offset."""
    starts = line_starts(text) if starts is None else starts
    line = bisect_right(starts, offset) - 1
    return Position(line, utf16_length(text[starts[line] : offset]))


def range_at(text: str, start: int, end: int) -> Range:
    """Return the range between two offsets."""
    starts = line_starts(text)
    return Range(position_at(text, start, starts), position_at(text, end, starts))


def text_in(text: str, where: Range) -> str:
    """Return the text of a range."""
    starts = line_starts(text)
    return text[offset_at(text, where.start, starts) : offset_at(text, where.end, starts)]


def replace(text: str, where: Range, new: str) -> str:
    """Return the text with a range replaced."""
    start, end = span(text, where)
    return text[:start] + new + text[end:]


def span(text: str, where: Range) -> tuple[int, int]:
    """Return the offsets of a range: its start, and its end, which is never before it."""
    starts = line_starts(text)
    start = offset_at(text, where.start, starts)
    return start, max(start, offset_at(text, where.end, starts))


def whole(text: str) -> Range:
    """Return the range of all of it."""
    return range_at(text, 0, len(text))


def _line_length(text: str, starts: list[int], line: int) -> int:
    """Length without the line's end."""
    start = starts[line]
    if line + 1 == len(starts):
        return len(text) - start
    return len(text[start : starts[line + 1]].rstrip("\r\n"))
