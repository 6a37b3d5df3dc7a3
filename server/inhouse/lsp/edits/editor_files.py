"""Files as the editor has them: their current text, and how the editor changes them."""

import asyncio
from pathlib import Path

from attrs import frozen

from inhouse.core.errors import InhouseError
from inhouse.core.events import EditState, EventPayload
from inhouse.core.hunks import text_edits
from inhouse.core.json_values import Json, fields, items
from inhouse.core.ports import Approver, Edit
from inhouse.core.settings import EditMode
from inhouse.lsp.documents.open_documents import Documents
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.transport.rpc import EditorRpc
from inhouse.tools.access.access_policy import access_to
from inhouse.tools.edit.disk_workspace import DiskWorkspace
from inhouse.tools.files.encoding import Encoding
from inhouse.wire import text_range

_PATIENCE = 30.0
"""Seconds for the editor to make a change; some editors ask the user first."""
APPLY_EDIT = "workspace.applyEdit"
"""The capability of an editor that lets servers change documents."""
TRIES = 3
"""How often a change is sent if the user types into the document in between."""

_SETTLING = 1.0
"""Seconds for the editor to report its buffer's text after a change."""


_UNREADABLE = "\ufffd"
"""What an editor shows for bytes that are no text in the encoding it took."""


@frozen
class Current:
    """A file as it is now, in the editor or on disk."""

    path: Path
    uri: str
    text: str | None
    """None if there is no such file."""
    version: int | None
    """None if no buffer of the editor holds it."""
    hidden: bool = False
    """Whether it is in a buffer that the editor never announced, so that its version is unknown."""
    is_unsure: bool = False
    """Such a buffer may hold another text than this one, which the disk has."""
    encoding: Encoding | None = None
    """How the disk has this text; None if it has not."""

    @property
    def reads_alike(self) -> bool:
        """Whether any editor would load the file as this text, and save it as it was.

        Not so in an encoding that nothing in the file tells, nor with line ends of two kinds:
        some editors read the first as UTF-8, and make the second one kind.
        """
        if self.text is None or self.encoding is None:
            return True  # There is no text to lose.
        plain = self.text.replace("\r\n", "")
        ends = "\r" not in plain and ("\r\n" not in self.text or "\n" not in plain)
        return ends and self.encoding.is_told


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
            on_disk, encoding = await (disk or self._disk()).read_disk(path)
        except FileNotFoundError:
            on_disk = encoding = None
        return self.buffers.current(path, on_disk, encoding)

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
        change must be *on_disk*, where its buffer could hold another text than ours, or where there
        is no file yet: editors leave a new one open and unsaved, a tab for each.
        """
        rpc = self._context.rpc
        deletes = edit.new is None
        able = can_delete(rpc) if deletes else rpc.client.can(APPLY_EDIT)
        disk = disk or self._disk()
        if not deletes and not on_disk:
            on_disk = current.text is None or current.is_unsure or not current.reads_alike
        if not able or (on_disk and current.version is None):
            if current.version is not None:
                verb = "deletes no files for" if deletes else "takes no changes from"
                return f"this editor {verb} a language server, and has the file open"
            outcome = await disk.write(edit)
            return None if outcome.state is EditState.APPLIED else outcome.message
        if not deletes and (problem := await self._misread(current, disk)) is not None:
            return problem
        was_there = None if current.version is not None else current.text
        problem = await apply_edit(rpc, label, workspace_edit(rpc, current, edit))
        if problem is None and edit.new is not None:
            self.buffers.applied(current.path, was_there, edit.new)
            await self.buffers.settle(current.path, edit.new)
        return f"The editor did not make the change: {problem}." if problem else None

    async def _misread(self, current: Current, disk: DiskWorkspace) -> str | None:
        """Return why saving a buffer would lose characters that the file on disk has, if so."""
        if current.version is None or not (text := current.text) or _UNREADABLE not in text:
            return None
        try:
            on_disk, encoding = await disk.read_disk(current.path)
        except (OSError, InhouseError):
            return None
        if text.count(_UNREADABLE) <= on_disk.count(_UNREADABLE):
            return None
        return (
            "this editor cannot read all of its characters and would lose them when it saves; "
            f"reopen it with its own encoding ({encoding.codec}), then apply."
        )

    async def may_change(self, path: Path) -> bool:
        """Return whether agents may see, change or create a file."""
        access = access_to(self._context.host.named_roots)
        return await asyncio.to_thread(access.shown, path) is not None

    def has_open(self, path: Path) -> bool:
        """Return whether a buffer of the editor holds a file, as far as is known."""
        return self._context.documents.find(path) is not None or path in self.buffers.paths

    def _disk(self) -> DiskWorkspace:
        return disk_workspace(self._context.host.named_roots, self._approver)


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

    def current(self, path: Path, on_disk: str | None, encoding: Encoding | None) -> Current:
        """Return the current state of a file; *on_disk* is the text on the disk."""
        document = self._documents.find(path)
        if document is not None:
            return Current(path, document.uri, document.text, document.version)
        before, after = self._applied.get(path, (None, None))
        if after is not None and before == on_disk:
            return Current(path, path.as_uri(), after, 0, hidden=True)
        if self._applied.pop(path, None) is not None and after != on_disk:
            self._unsure.add(path)
        is_unsure = path in self._unsure
        return Current(path, path.as_uri(), on_disk, None, is_unsure=is_unsure, encoding=encoding)

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


def can_delete(link: EditorRpc) -> bool:
    """Return whether the editor itself can delete files."""
    operations = link.client.capability("workspace.workspaceEdit.resourceOperations")
    return link.client.can(APPLY_EDIT) and "delete" in items(operations)


def workspace_edit(link: EditorRpc, current: Current, edit: Edit) -> Json:
    """Make the smallest `WorkspaceEdit` for an edit of an existing file: one undo step."""
    if edit.new is None:
        return {"documentChanges": [{"kind": "delete", "uri": current.uri}]}
    edits: list[Json] = [
        {"range": text_range(each.range), "newText": each.text}
        for each in text_edits(current.text or "", edit.hunks)
    ]
    if link.client.can("workspace.workspaceEdit.documentChanges"):
        return {"documentChanges": [_document_edit(current, edits)]}
    return {"changes": {current.uri: edits}}


async def apply_edit(link: EditorRpc, label: str, edit: Json) -> str | None:
    """Let the editor make a change; return None, or why it did not."""
    try:
        answer = await link.request(
            "workspace/applyEdit", {"label": label, "edit": edit}, seconds=_PATIENCE
        )
    except TimeoutError:
        return "the editor did not answer"
    except InhouseError as error:
        return str(error)
    answer = fields(answer)
    if answer.get("applied") is True:
        return None
    reason = answer.get("failureReason")
    return str(reason) if reason else "the editor refused it"


def _document_edit(current: Current, edits: list[Json]) -> Json:
    version = None if current.hidden else current.version
    return {"textDocument": {"uri": current.uri, "version": version}, "edits": edits}
