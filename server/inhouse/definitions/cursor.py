"""Where in a definition a cursor is, while the file may be broken: for completion and hover."""

import logging
from enum import StrEnum
from pathlib import Path

from attrs import frozen

from inhouse.core.text import Position, Range
from inhouse.definitions.readers.read_text import EVALUATED, LARGEST
from inhouse.definitions.readers.source_ranges import JsonPath, Lines

_log = logging.getLogger(__name__)


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
    """The whole key or text at the cursor, without quotes; empty where there is none."""
    typed: str
    """What of it stands before the cursor."""
    range: Range
    """Where the word stands: what a completion replaces."""
    quoted: bool
    """Whether the word stands in quotes."""


def path_at(path: Path, text: str, position: Position) -> Whereabouts | None:
    """Tell where a position is; None: nowhere in a definition's data.  Never raises."""
    if len(text) > LARGEST:
        return None
    lines = Lines(text)
    offset = lines.offset(position)
    suffix = path.suffix.lower()
    try:
        if suffix in EVALUATED or suffix in {".json", ".jsonc"}:
            from inhouse.definitions.typescript.cursor import script_place  # noqa: PLC0415

            return script_place(path, text, offset)
        from inhouse.definitions.forms.cursor import plain_place  # noqa: PLC0415

        return plain_place(path, lines, offset)
    except Exception:  # noqa: BLE001 - a completion is not worth a broken server
        _log.exception("no place in %s", path)
        return None


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
