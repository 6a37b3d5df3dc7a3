"""A definition file as the editor has it: its text, its values and their positions."""

import os
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from inhouse.core.text import Position, Range
from inhouse.definitions.catalog.folders import AgentFolder, holds
from inhouse.definitions.forms.read_text import read
from inhouse.definitions.readers.file_forms import EVALUATED
from inhouse.definitions.readers.parsed_values import ParsedDefinition, Reading
from inhouse.definitions.readers.source_ranges import Lines
from inhouse.lsp.editor_context import EditorContext

if TYPE_CHECKING:
    from inhouse.lsp.documents.open_documents import OpenDocument

SCRIPTS = EVALUATED
JSON = frozenset({".json", ".jsonc"})
_KEPT = 32


@frozen(eq=False)
class DefinitionDocument:
    """One version of one file; made for each request."""

    path: Path
    uri: str
    text: str
    version: int | None
    """None if it is not open in the editor."""

    @property
    def suffix(self) -> str:
        return self.path.suffix.lower()

    @property
    def reading(self) -> Reading:
        return _read(self.path, self.text)

    @property
    def lines(self) -> Lines:
        return _lines(self.text)

    def found_at(self, position: Position) -> ParsedDefinition | None:
        """Return the definition around a position, or the file's only one."""
        found = self.reading.found
        for each in found:
            whole = each.places.get(())
            if whole is not None and whole.value.start <= position <= whole.value.end:
                return each
        return found[0] if len(found) == 1 else None

    def slice(self, where: Range) -> str:
        start, end = self.span(where)
        return self.text[start:end]

    def span(self, where: Range) -> tuple[int, int]:
        """Return the offsets of a range, in characters."""
        lines = self.lines
        return lines.offset(where.start), lines.offset(where.end)


def site_of(context: EditorContext, document: "OpenDocument") -> DefinitionDocument | None:
    """Return the definition document for an open document; None if it is not a definition file."""
    path = document.path
    if path is None or not is_definition_file(path, context.host.world.folders):
        return None
    return DefinitionDocument(path, document.uri, document.text, document.version)


def is_definition_file(path: Path, folders: Sequence[AgentFolder]) -> bool:
    """Return whether definitions, or the helpers they import, are looked for in a file."""
    if any(holds(folder, path) for folder in folders):
        return True
    real = Path(os.path.realpath(path))
    return real != path and any(holds(folder, real) for folder in folders)


def is_inside(position: Position, where: Range) -> bool:
    """Return whether a cursor touches a range; its end counts."""
    return where.start <= position <= where.end


def texts_of(found: ParsedDefinition, name: str) -> Iterator[tuple[str, Range]]:
    """Yield the texts of a list field with their places."""
    values = found.values.get(name)
    for at, value in enumerate(values if isinstance(values, list) else []):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        place = found.places.get((name, at))
        if isinstance(value, str) and place is not None:
            yield value, place.value


@lru_cache(maxsize=_KEPT)
def _read(path: Path, text: str) -> Reading:
    return read(path, text)


@lru_cache(maxsize=_KEPT)
def _lines(text: str) -> Lines:
    return Lines(text)
