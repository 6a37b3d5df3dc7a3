"""Files as the editor has them: their current text, and how they are changed."""

import asyncio
from pathlib import Path

from inhouse.core.events import EditState, EventPayload
from inhouse.core.ports import Approver, Edit
from inhouse.core.settings import EditMode
from inhouse.lsp.documents.open_documents import Documents
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.edits import apply_edit
from inhouse.lsp.edits.apply_edit import Current
from inhouse.tools.edit.disk_workspace import DiskWorkspace

_SETTLING = 1.0
"""Seconds for the editor to report its buffer's text after a change."""


class EditorFiles:
    """Reads files, preferring the editor's text, and lets the editor change them."""

    def __init__(self, context: EditorContext, approver: Approver) -> None:
        self._context = context
        self._approver = approver
        self.buffers = Buffers(context.documents)

    async def current(self, path: Path, disk: DiskWorkspace | None = None) -> Current:
        """Read a file as it is now."""
        document = self._context.documents.find(path)
        if document is not None:
            return Current(path, document.uri, document.text, document.version)
        try:
            on_disk: str | None = (await (disk or self._disk()).read(path)).text
        except FileNotFoundError:
            on_disk = None
        return self.buffers.current(path, on_disk)

    async def change(
        self,
        current: Current,
        edit: Edit,
        disk: DiskWorkspace | None = None,
        *,
        label: str,
        on_disk: bool = False,
    ) -> str | None:
        """Make an edit of *current* through the editor; return None, or why nothing changed.

        What the editor cannot do at all is done on disk.  So is what it has not open, where the
        change must be *on_disk*, or where its buffer could hold another text than ours.
        """
        rpc = self._context.rpc
        operation = "create" if current.text is None else "delete" if edit.new is None else None
        able = (
            apply_edit.can_operate(rpc, operation)
            if operation
            else rpc.client.can(apply_edit.APPLY)
        )
        disk = disk or self._disk()
        if able and current.version is None and not on_disk and operation != "delete":
            on_disk = current.is_unsure or not await disk.reads_alike(current.path)
        if not able or (on_disk and current.version is None):
            if current.version is not None:
                verb = "deletes no files for" if operation == "delete" else "takes no changes from"
                return f"this editor {verb} a language server, and has the file open"
            outcome = await disk.write(edit)
            return None if outcome.state is EditState.APPLIED else outcome.message
        was_there = None if current.version is not None else current.text
        problem = await apply_edit.send(rpc, label, apply_edit.workspace_edit(rpc, current, edit))
        if problem is None and edit.new is not None:
            self.buffers.applied(current.path, was_there, edit.new)
            await self.buffers.settle(current.path, edit.new)
        return f"The editor did not make the change: {problem}." if problem else None

    def has_open(self, path: Path) -> bool:
        """Return whether a buffer of the editor holds a file, as far as is known."""
        return self._context.documents.find(path) is not None or path in self.buffers.paths

    def _disk(self) -> DiskWorkspace:
        return disk_workspace(self._context.host.roots, self._approver)


class Buffers:
    """What the editor's buffers hold, including those it never announced.

    A client may load a file to change it and neither save nor announce it: until the file on disk
    changes, the user sees what was applied.
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._applied: dict[Path, tuple[str | None, str]] = {}
        self._unsure: set[Path] = set()
        """What was applied was not saved as it is, and the disk has something else by now."""

    def current(self, path: Path, on_disk: str | None) -> Current:
        """Return the current state of a file; *on_disk* is the text on the disk."""
        document = self._documents.find(path)
        if document is not None:
            return Current(path, document.uri, document.text, document.version)
        before, after = self._applied.get(path, (None, None))
        if after is not None and before == on_disk:
            return Current(path, path.as_uri(), after, 0, hidden=True)
        if self._applied.pop(path, None) is not None and after != on_disk:
            self._unsure.add(path)
        return Current(path, path.as_uri(), on_disk, None, is_unsure=path in self._unsure)

    def applied(self, path: Path, on_disk: str | None, text: str) -> None:
        """Remember the text of a buffer that is not announced as open."""
        if self._documents.find(path) is None:
            self._applied[path] = (on_disk, text)

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(self._applied)

    def closed(self, path: Path) -> None:
        self._applied.pop(path, None)
        self._unsure.discard(path)

    async def settle(self, path: Path, text: str) -> None:
        """Wait until an open document has become *text*, or something newer."""
        document = self._documents.find(path)
        if document is None or document.text == text:
            return
        version = document.version
        deadline = asyncio.get_running_loop().time() + _SETTLING
        while asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.005)
            if document.text == text or document.version > version + 1:
                return


def disk_workspace(roots: tuple[Path, ...], approver: Approver) -> DiskWorkspace:
    """Return the workspace for files that the editor does not manage; we report its changes."""
    return DiskWorkspace(roots[0], _silent, approver, EditMode.APPLY, extra_roots=roots[1:])


def _silent(_: EventPayload) -> None:
    """Do nothing."""
