"""The documents that the editor has open, character for character."""

import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from attrs import define, field, frozen
from lsprotocol import types

from inhouse.core import positions
from inhouse.core.text import Position, Range
from inhouse.lsp.transport.client import to_path

_RECENT = 64
"""How many changes are kept, in case one arrives late that belongs before them."""


@frozen
class _Change:
    """One ``didChange``, with what is needed to undo it."""

    before: int
    """The version that it was applied to."""
    version: int
    parts: tuple[types.TextDocumentContentChangeEvent, ...]
    replaced: tuple[tuple[int, str, str], ...]
    """For each part: its offset, the old text and the new one."""


def _no_changes() -> deque[_Change]:
    return deque(maxlen=_RECENT)


@define
class OpenDocument:
    uri: str
    path: Path | None
    """None if it is not a file (a terminal, an unsaved buffer, a diff)."""
    text: str
    version: int
    language: str
    _recent: deque[_Change] = field(factory=_no_changes, init=False, repr=False, eq=False)

    def change(self, version: int, parts: tuple[types.TextDocumentContentChangeEvent, ...]) -> None:
        """Apply a change in the order of versions; Helix 25.01 sends fast typing out of order."""
        newer = self._take_back_to(version)
        self._apply(version, parts)
        for each in newer:
            self._apply(each.version, each.parts)

    def _apply(self, version: int, parts: tuple[types.TextDocumentContentChangeEvent, ...]) -> None:
        replaced: list[tuple[int, str, str]] = []
        for part in parts:
            if isinstance(part, types.TextDocumentContentChangePartial):
                start, end = positions.span(self.text, from_lsp(part.range))
                replaced.append((start, self.text[start:end], part.text))
                self.text = self.text[:start] + part.text + self.text[end:]
            else:
                self.text = part.text
        if len(replaced) == len(parts):
            self._recent.append(_Change(self.version, version, parts, tuple(replaced)))
        else:
            self._recent.clear()  # Older changes no longer matter.
        self.version = version

    def _take_back_to(self, version: int) -> list[_Change]:
        """Undo what is newer than a missing version; return it, oldest first."""
        recent = self._recent
        left_out = (
            bool(recent)
            and recent[0].before < version < self.version
            and all(each.version != version for each in recent)
        )
        newer: list[_Change] = []
        while left_out and recent and recent[-1].version > version:
            last = recent.pop()
            for start, old, new in reversed(last.replaced):
                self.text = self.text[:start] + old + self.text[start + len(new) :]
            self.version = last.before
            newer.insert(0, last)
        return newer


class Documents:
    """The open documents, found by URI, or by path however the editor spells it."""

    def __init__(self) -> None:
        self._open: dict[str, OpenDocument] = {}

    def __iter__(self) -> Iterator[OpenDocument]:
        return iter(tuple(self._open.values()))

    def get(self, uri: str) -> OpenDocument | None:
        return self._open.get(unquote(uri))

    def find(self, path: Path) -> OpenDocument | None:
        """Find the open document of a file, also through links."""
        found = [document for document in self._open.values() if document.path == path]
        if not found:
            real = os.path.realpath(path)
            found = [
                document
                for document in self._open.values()
                if document.path is not None and os.path.realpath(document.path) == real
            ]
        return found[0] if found else None

    def uri_of(self, path: Path) -> str:
        """Return a file's URI, spelled as the editor does if the file is open."""
        document = self.find(path)
        return path.as_uri() if document is None else document.uri

    def opened(self, item: types.TextDocumentItem) -> OpenDocument:
        document = OpenDocument(
            item.uri, to_path(item.uri), item.text, item.version, str(item.language_id)
        )
        self._open[unquote(item.uri)] = document
        return document

    def changed(self, params: types.DidChangeTextDocumentParams) -> OpenDocument | None:
        document = self.get(params.text_document.uri)
        if document is None:
            return None
        document.change(params.text_document.version, tuple(params.content_changes))
        return document

    def closed(self, uri: str) -> OpenDocument | None:
        return self._open.pop(unquote(uri), None)


def from_lsp(where: types.Range) -> Range:
    """Turn LSP's range into the core's."""
    return Range(
        Position(where.start.line, where.start.character),
        Position(where.end.line, where.end.character),
    )
