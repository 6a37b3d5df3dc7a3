"""The workspace as the editor has it: prefers unsaved text, changes through the client."""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

from inhouse.core import positions
from inhouse.core.errors import ToolError
from inhouse.core.events import EditChanged, EditState
from inhouse.core.json_values import Json
from inhouse.core.ports import Document, Edit, EditOutcome, Question
from inhouse.core.settings import EditMode
from inhouse.host.host import WorkspaceRequest
from inhouse.lsp.contract.arguments import Hunks
from inhouse.lsp.documents.editor_diagnostics import plain, reported
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.edits.editor_files import TRIES, EditorFiles, disk_workspace
from inhouse.lsp.edits.review import Review
from inhouse.lsp.transport.client import real
from inhouse.tools.edit.private_proposals import changed
from inhouse.wire import text_range

_UNSAVED, _SAVED = "Continue without", "I saved them"


class EditorWorkspace:
    """`inhouse.core.ports.Workspace` of one run in an editor."""

    def __init__(
        self, context: EditorContext, files: EditorFiles, review: Review, request: WorkspaceRequest
    ) -> None:
        self._context = context
        self._files = files
        self._review = review
        self._request = request
        self._agent = request.request.agent
        self._roots = request.roots
        self.root = request.roots[0]
        self._disk = disk_workspace(self._roots, request.approver)

    async def read(self, path: Path) -> Document:
        """Return a file with its unsaved text and the edits that wait for review."""
        current = await self._files.current(path, self._disk)
        text = self._review.proposed(path, current.text)
        if text is None:
            raise FileNotFoundError(2, "No such file", str(path))
        same = text == current.text
        return Document(path, text, current.version if same else current.version or 0)

    async def apply(self, edit: Edit) -> EditOutcome:
        if self._request.settings.edits is EditMode.REVIEW:
            return await self.propose(edit)
        async with self._review.turn:
            current = await self._files.current(edit.path, self._disk)
            made, problem = edit, None
            for _ in range(TRIES):
                placed = edit.onto(current.text)
                if placed is None:
                    return self._rejected(edit, changed(edit).message)
                made = placed
                problem = await self._files.change(
                    current, made, self._disk, label=f"Inhouse: {self._agent}"
                )
                if problem is None:
                    break
                before, current = current, await self._files.current(edit.path, self._disk)
                if current.version == before.version:
                    break
        if problem is not None:
            return self._rejected(edit, problem)
        self._emit(made, EditState.APPLIED)
        where = "in the editor" if self._files.has_open(edit.path) else "on disk"
        if made is edit:
            return EditOutcome(EditState.APPLIED, f"Applied {where}.")
        message = f"Applied {where}.  The user's own changes meanwhile are kept."
        return EditOutcome(EditState.APPLIED, message, made.new)

    async def propose(self, edit: Edit) -> EditOutcome:
        """Keep an edit, hunk by hunk, until the user has decided."""
        review = self._review
        async with review.turn:
            current = await self._files.current(edit.path, self._disk)
            so_far = review.proposed(edit.path, current.text)
            made = edit.onto(so_far)
            if made is None:
                return self._rejected(edit, changed(edit).message)
            review.add(self._request.run_id, self._agent, current, made)
        await review.is_kept()
        self._emit(made, EditState.PROPOSED)
        return EditOutcome(
            EditState.PROPOSED,
            "Proposed: the user reviews it in the editor.  "
            "You see the file as if it had been accepted.",
            None if made is edit else made.new,
        )

    async def unsaved(self) -> Mapping[Path, str | None]:
        """Return unsaved texts and pending edits that the disk does not have.

        Only files of the workspace: other open files, such as transcripts, do not concern a run.
        """
        opened = [each.path for each in self._context.documents if each.path is not None]
        roots = [real(root) for root in self._roots]
        found: dict[Path, str | None] = {}
        for path in dict.fromkeys((*opened, *self._review.paths, *self._files.buffers.paths)):
            if not any(real(path).is_relative_to(root) for root in roots):
                continue
            with contextlib.suppress(OSError, ToolError):
                text = self._review.proposed(
                    path, (await self._files.current(path, self._disk)).text
                )
                if not await self._is_saved(path, text):
                    found[real(path)] = text
        return found

    async def save(self) -> Mapping[Path, str]:
        """Apply pending edits, and ask the user to save open files, which only they can."""
        if self._review:
            await self._review.apply(Hunks(), on_disk=True)
        left = await self.unsaved()
        while left:
            names = ", ".join(sorted(_shown(path, self.root) for path in left))
            question = Question(
                id=f"save-{uuid4().hex[:8]}",
                text=f"The command reads the files on disk.  Please save: {names}.",
                choices=(_UNSAVED, _SAVED),
                kind="edit",
                safe=_UNSAVED,
            )
            if _SAVED not in await self._request.approver.ask(question):
                break
            before, left = left, await self.unsaved()
            if left == before:
                break
        return dict.fromkeys(left, "it is not saved")

    def open_files(self) -> tuple[Path, ...]:
        paths = [each.path for each in self._context.documents]
        return tuple(path for path in paths if path is not None)

    def selection(self) -> Mapping[str, object] | None:
        request = self._request.request
        if request.path is None or request.range is None:
            return None
        document = self._context.documents.find(request.path)
        text = "" if document is None else positions.text_in(document.text, request.range)
        return {"path": str(request.path), "range": text_range(request.range), "text": text}

    async def diagnostics(self, path: Path | None) -> list[Json] | None:
        """Return what other servers found, if the client offers that; else what we found."""
        uri = None if path is None else self._context.documents.uri_of(path)
        found = await reported(self._context.rpc, uri)
        if found is None and uri is not None:
            found = [plain(uri, each) for each in self._context.diagnostics.at(uri)] or None
        return found

    async def _is_saved(self, path: Path, text: str | None) -> bool:
        try:
            return (await self._disk.read(path)).text == text
        except FileNotFoundError:
            return text is None
        except (OSError, ToolError):
            return False  # the file on disk is not readable text

    def _rejected(self, edit: Edit, why: str) -> EditOutcome:
        self._emit(edit, EditState.REJECTED)
        return EditOutcome(EditState.REJECTED, why)

    def _emit(self, edit: Edit, state: EditState) -> None:
        diff = edit.diff(_shown(edit.path, self.root))
        self._request.emit(EditChanged(self._context.documents.uri_of(edit.path), state, diff))


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
