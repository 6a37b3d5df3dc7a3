"""What stands at a cursor in a definition: the answer of every form's own cursor module."""

from enum import StrEnum

from attrs import frozen

from inhouse.core.text import Range
from inhouse.definitions.readers.source_ranges import JsonPath, Lines


class Role(StrEnum):
    KEY = "key"
    VALUE = "value"


@frozen
class Whereabouts:
    """What stands at a position, or would if something were typed there."""

    role: Role
    container: JsonPath
    """The object that a key belongs to; for a value the same as ``path``."""
    path: JsonPath
    """With the key itself; of a value in a list with its index."""
    word: str
    """The whole key or text at the cursor, without quotes; empty if there is none."""
    typed: str
    """What of it stands before the cursor."""
    range: Range
    """Where the word stands: what a completion replaces."""
    quoted: bool
    """Whether the word stands in quotes."""


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
