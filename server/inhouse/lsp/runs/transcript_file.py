"""A transcript in a file: it grows on disk, or in the buffer if the editor has it open."""

import asyncio
from pathlib import Path

from inhouse.core import positions
from inhouse.core.text import Range
from inhouse.lsp.documents.open_documents import OpenDocument
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.edits.editor_files import APPLY_EDIT, Buffers, apply_edit
from inhouse.lsp.runs.transcript_markdown import Writer
from inhouse.wire import text_range


class Tail:
    """Keeps a file, or the buffer that shows it, up to date with a growing text."""

    def __init__(
        self, context: EditorContext, buffers: Buffers, path: Path, writer: Writer
    ) -> None:
        self._context = context
        self._buffers = buffers
        self._path = path
        self._writer = writer
        self._written = 0
        self._shown: int | None = None
        """How much of the text the open buffer holds."""
        self._turn = asyncio.Lock()
        self._buffer_refuses = False
        self._on_disk = asyncio.Lock()
        self._stopped = False

    async def stop(self) -> None:
        """Stop writing: afterwards nobody writes the file.  Never waits for the editor."""
        self._stopped = True
        async with self._on_disk:
            pass

    async def grow(self) -> None:
        """Write what is new."""
        async with self._turn:
            if self._stopped:
                return
            text = self._writer.text
            document = self._context.documents.find(self._path)
            if document is None:
                self._shown = None
            elif self._can_grow(document, text):
                await self._grow_buffer(document, text)
            if document is None or self._buffer_refuses:
                await self._append(text)

    async def _append(self, text: str) -> None:
        async with self._on_disk:
            if self._stopped:  # The editor took its time.
                return
            await asyncio.to_thread(_append, self._path, text[self._written :], self._written)
            self._written = len(text)

    def _can_grow(self, document: OpenDocument, text: str) -> bool:
        if text.startswith(document.text):
            self._shown = len(document.text)
        able = self._context.client.can(APPLY_EDIT) and self._shown is not None
        self._buffer_refuses = self._buffer_refuses or not able
        return not self._buffer_refuses

    async def _grow_buffer(self, document: OpenDocument, text: str) -> None:
        new = text[self._shown :]
        if not new:
            return
        whole = document.text + new  # The user may have edited it.
        end = positions.position_at(document.text, len(document.text))
        edit = {"range": text_range(Range(end, end)), "newText": new}
        problem = await apply_edit(
            self._context.rpc, "Inhouse: transcript", {"changes": {document.uri: [edit]}}
        )
        if problem is not None:
            self._buffer_refuses = True
            return
        await self._buffers.settle(self._path, whole)
        self._shown = len(text)


def _append(path: Path, text: str, at: int) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("a" if at else "w", encoding="utf-8", errors="replace", newline="") as file:
        file.write(text)
