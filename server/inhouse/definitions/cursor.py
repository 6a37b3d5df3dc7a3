"""Finds a cursor's place in a definition, even in a broken file, for completion and hover."""

import logging
from pathlib import Path

from inhouse.core.text import Position
from inhouse.definitions.readers.cursor_place import Whereabouts
from inhouse.definitions.readers.file_forms import EVALUATED, LARGEST
from inhouse.definitions.readers.source_ranges import Lines

_log = logging.getLogger(__name__)


def path_at(path: Path, text: str, position: Position) -> Whereabouts | None:
    """Return a position's place; None if it is not in a definition's data.  Never raises."""
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
