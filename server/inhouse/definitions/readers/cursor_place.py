"""What is at a cursor in a definition: the result of each format's cursor module."""

from enum import StrEnum

from attrs import frozen

from inhouse.core.text import Range
from inhouse.definitions.readers.source_ranges import JsonPath, Lines


class Role(StrEnum):
    KEY = "key"
    VALUE = "value"


@frozen
class Whereabouts:
    """What is at a position, or would be if something were typed there."""

    role: Role
    container: JsonPath
    """The object that a key belongs to; for a value, the same as ``path``."""
    path: JsonPath
    """Including the key itself, or a list item's index."""
    word: str
    """The whole key or text at the cursor, without quotes; empty if there is none."""
    typed: str
    """The part of it before the cursor."""
    range: Range
    """The range of the word, which a completion replaces."""
    quoted: bool
    """Whether the word is in quotes."""


def whereabouts(
    role: Role, container: JsonPath, key: JsonPath, word: "CursorWord", lines: Lines
) -> Whereabouts:
    place = lines.range(word.start, word.start + len(word.text))
    return Whereabouts(role, container, key, word.text, word.typed, place, word.quoted)


@frozen
class CursorWord:
    """A piece of text that the cursor touches."""

    text: str
    start: int
    """Offset in characters."""
    typed: str
    quoted: bool = False
