"""Places in a text, and what is wrong there."""

from enum import StrEnum
from pathlib import Path

from attrs import field, frozen

from inhouse.core.unicode import without_controls

_LONGEST = 2_000
"""Characters of a message."""


@frozen(order=True)
class Position:
    """A place in a text, counted from zero."""

    line: int
    character: int
    """In UTF-16 code units, as LSP 3.17 counts unless told otherwise."""


@frozen(order=True)
class Range:
    """A stretch of text; the end is not part of it."""

    start: Position
    end: Position


START = Range(Position(0, 0), Position(0, 0))
"""The beginning of a file: the position of a problem that has none of its own."""


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFORMATION = "information"
    HINT = "hint"


def _readable(message: str) -> str:
    plain = without_controls(message)
    return plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]}…"


@frozen
class Problem:
    """What is wrong with something a user wrote, and where."""

    path: Path
    range: Range
    severity: Severity
    code: str
    """Short and stable, e.g.

    ``duplicate-id``: editors show it, tests and quick fixes rely on it.
    """
    message: str = field(converter=_readable)
    """What is wrong and what would work; what it quotes may be of any length, and a stranger's."""
