"""The documents that the editor has open, character for character."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from attrs import define
from lsprotocol import types

from inhouse.core import positions
from inhouse.core.text import Position, Range
from inhouse.lsp.transport.client import to_path, to_uri


@define
class OpenDocument:
    uri: str
    path: Path | None
    """None: not a file (a terminal, an unsaved buffer, a diff)."""
    text: str
    version: int
    language: str


class Documents:
    """What is open now.  Looked up by URI, or by path however the editor spells it."""

    def __init__(self) -> None:
        self._open: dict[str, OpenDocument] = {}

    def __iter__(self) -> Iterator[OpenDocument]:
        return iter(tuple(self._open.values()))

    def get(self, uri: str) -> OpenDocument | None:
        return self._open.get(unquote(uri))

    def find(self, path: Path) -> OpenDocument | None:
        """Find the open document of a file, also where links lead to it."""
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
        """Name a file as the editor does, where it has it open."""
        document = self.find(path)
        return to_uri(path) if document is None else document.uri

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
        for change in params.content_changes:
            if isinstance(change, types.TextDocumentContentChangePartial):
                document.text = positions.replace(
                    document.text, from_lsp(change.range), change.text
                )
            else:
                document.text = change.text
        document.version = params.text_document.version
        return document

    def closed(self, uri: str) -> OpenDocument | None:
        return self._open.pop(unquote(uri), None)


def from_lsp(where: types.Range) -> Range:
    """Turn LSP's range into the core's."""
    return Range(
        Position(where.start.line, where.start.character),
        Position(where.end.line, where.end.character),
    )


def to_lsp(where: Range) -> types.Range:
    """Turn the core's range into LSP's."""
    return types.Range(
        types.Position(where.start.line, where.start.character),
        types.Position(where.end.line, where.end.character),
    )
