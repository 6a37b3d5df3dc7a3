"""Positions in a text: from offsets to LSP positions, from values to their ranges."""

from bisect import bisect_right
from collections.abc import Mapping

from attrs import frozen

from inhouse.core.positions import line_starts, utf16_length
from inhouse.core.text import START, Position, Range

JsonPath = tuple[str | int, ...]
"""The path from a definition to one of its values: ``("mcpServers", "files", "args", 0)``."""


@frozen
class SourceRange:
    """Where a value was written, and its key if it has one."""

    value: Range
    key: Range | None = None


Places = Mapping[JsonPath, SourceRange]


class Lines:
    """Turns offsets in a text into positions."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.plain = utf16_length(text) == len(text)
        """Whether characters and UTF-16 code units are the same here."""
        self._starts = line_starts(text)
        self._wide_starts: list[int] | None = None

    def position(self, offset: int) -> Position:
        """Return the position of an offset in characters."""
        if not 0 <= offset <= len(self.text):
            offset = max(0, min(offset, len(self.text)))
        line = bisect_right(self._starts, offset) - 1
        start = self._starts[line]
        if self.plain:
            return Position(line, offset - start)
        return Position(line, utf16_length(self.text[start:offset]))

    def range(self, start: int, end: int) -> Range:
        return Range(self.position(start), self.position(end))

    def wide_position(self, units: int) -> Position:
        """Return the position of an offset in UTF-16 code units."""
        if self.plain:
            return self.position(units)
        starts = self._wide()
        units = max(0, units)
        line = bisect_right(starts, units) - 1
        return Position(line, units - starts[line])

    def wide_range(self, start: int, end: int) -> Range:
        return Range(self.wide_position(start), self.wide_position(end))

    def offset(self, position: Position) -> int:
        """Return the offset, in characters, of a position that may be outside the text."""
        if position.line >= len(self._starts):
            return len(self.text)
        start = self._starts[max(position.line, 0)]
        end = self._end(max(position.line, 0))
        if self.plain:
            return min(start + max(position.character, 0), end)
        units = 0
        for offset in range(start, end):
            if units >= position.character:
                return offset
            units += 2 if self.text[offset] > "\uffff" else 1
        return end

    def line(self, number: int) -> Range:
        """Return one whole line without its line end."""
        number = max(0, min(number, len(self._starts) - 1))
        return self.range(self._starts[number], self._end(number))

    def start(self, number: int) -> int:
        """Return the offset, in characters, where a line begins."""
        return self._starts[max(0, min(number, len(self._starts) - 1))]

    @property
    def count(self) -> int:
        return len(self._starts)

    def _end(self, line: int) -> int:
        if line + 1 >= len(self._starts):
            return len(self.text)
        end = self._starts[line + 1]
        while end > self._starts[line] and self.text[end - 1] in "\r\n":
            end -= 1
        return end

    def _wide(self) -> list[int]:
        if self._wide_starts is None:
            wide, units, before = [0], 0, 0
            for start in self._starts[1:]:
                units += utf16_length(self.text[before:start])
                wide.append(units)
                before = start
            self._wide_starts = wide
        return self._wide_starts


def place_of(places: Places, path: JsonPath) -> Range:
    """Return the range of a value, or of the nearest thing around it that has one."""
    for length in range(len(path), -1, -1):
        place = places.get(path[:length])
        if place is not None:
            return place.value
    return START


def is_around(places: Places, place: Range) -> bool:
    """Return whether a range is inside another."""
    whole = places.get(())
    return whole is not None and whole.value.start <= place.start <= whole.value.end


def key_of(places: Places, path: JsonPath) -> Range:
    """Return the range of a value's key, or else of the value."""
    place = places.get(path)
    if place is None or place.key is None:
        return place_of(places, path)
    return place.key
