"""What every feature for one editor may use: its connection, open documents and the host."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Protocol

from attrs import frozen

from inhouse.host.host import Host
from inhouse.lsp.documents.diagnostics import Diagnostics
from inhouse.lsp.documents.open_documents import Documents
from inhouse.lsp.transport.client import EditorClient
from inhouse.lsp.transport.rpc import EditorRpc


class Spawn(Protocol):
    """Start work that ends with the editor's session at the latest."""

    def __call__(
        self, work: Coroutine[object, object, None], *, name: str
    ) -> asyncio.Task[None]: ...


@frozen(eq=False)
class EditorContext:
    """What features share.  It imports no feature, so none can reach another through it."""

    rpc: EditorRpc
    host: Host
    spawn: Spawn
    documents: Documents
    diagnostics: Diagnostics
    client: EditorClient

    @property
    def state_folder(self) -> Path:
        return self.host.services.folders.state

    def name_of(self, path: Path) -> str:
        """Return a file's name for people: relative to its workspace folder."""
        for root in (*self.client.roots, *self.host.roots):
            if path.is_relative_to(root):
                return path.relative_to(root).as_posix()
        return path.name

    async def write_state(self, folder: str, name: str, text: str) -> str:
        """Write a file of our own for the user to read; return its URI."""
        path = self.state_folder / folder / name
        await asyncio.to_thread(_write, path, text)
        return path.as_uri()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", errors="replace", newline="")
