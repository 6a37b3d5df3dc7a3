"""The workspace of a run in an ACP client: prefers unsaved texts and asks before edits."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import define, field

from inhouse.core.events import EditChanged, EditState
from inhouse.core.json_values import Json
from inhouse.core.ports import Approver, Document, Edit, EditOutcome, Question
from inhouse.tools.access.paths import WorkspacePath
from inhouse.tools.edit.disk_workspace import DiskWorkspace

from .client_calls import ClientCalls


@define
class AcpWorkspace(DiskWorkspace):
    """Files as the client has them, with questions that show each edit as ACP's diff.

    A file whose text in the client differs from the disk is written through the client, so that
    nothing typed is lost; every other file is written here, with its encoding and line ends.
    """

    client: ClientCalls = field(kw_only=True)
    show_diff: Callable[[Path, str | None, str | None], Json] = field(kw_only=True)
    """Shows an edit in its tool call; returns the content for the question about it."""
    show_question: Callable[[str, Json], None] = field(kw_only=True)
    """Takes the id of a question and the content that it shows."""
    _unsaved: set[Path] = field(factory=set[Path], init=False)
    _edit_turn: asyncio.Lock = field(factory=asyncio.Lock, init=False)

    async def read(self, path: Path) -> Document:
        """Return a file, with its unsaved text if there is any."""
        try:
            document = await super().read(path)
        except FileNotFoundError:
            document = None
        if path in {proposal.edit.path for proposal in self.proposals}:
            if document is None:
                raise FileNotFoundError(path)
            return document
        typed = await self.client.read_file(path)
        if typed is not None and (document is None or not _same_lines(typed, document.text)):
            self._unsaved.add(path)
            return Document(path, typed, 0)
        if not self.client.owes_files:
            self._unsaved.discard(path)
        if document is None:
            raise FileNotFoundError(2, "No such file", str(path))
        return document

    async def apply(self, edit: Edit) -> EditOutcome:
        """Apply an edit, after a question that shows it if the settings want one."""
        async with self._edit_turn:
            content = self.show_diff(edit.path, edit.old, edit.new)
            asking = self.approver
            self.approver = _ShowingEdit(asking, content, self.show_question)
            try:
                return await super().apply(edit)
            finally:
                self.approver = asking

    async def propose(self, edit: Edit) -> EditOutcome:
        """Show an edit and keep it until the run ends."""
        self.show_diff(edit.path, edit.old, edit.new)
        return await super().propose(edit)

    async def unsaved(self) -> Mapping[Path, str | None]:
        """Return proposals, and unsaved texts of files that a run has read."""
        found = dict(await super().unsaved())
        for path in self._unsaved - found.keys():
            if (typed := await self.client.read_file(path)) is not None:
                found[path] = typed
        return found

    async def save(self) -> Mapping[Path, str]:
        """Apply the proposals, and have the client save what was typed."""
        failed = dict(await super().save())
        for path, text in (await self.unsaved()).items():
            if path in failed or text is None:
                continue
            if await self.client.write_file(path, text):
                self._unsaved.discard(path)
            else:
                failed[path] = "the editor does not write it"
        return failed

    async def _now(self, edit: Edit, place: WorkspacePath) -> Edit:
        """Return the edit relative to what the user sees: the client's unsaved text, if any."""
        if edit.path not in self._unsaved or edit.new is None:
            return await super()._now(edit, place)
        typed = await self.client.read_file(edit.path)
        return edit.onto(typed) or edit  # `_write` says so if it does not fit.

    async def _write(
        self, edit: Edit, place: WorkspacePath, *, made_for: Edit | None = None
    ) -> EditOutcome:
        if edit.path not in self._unsaved or edit.new is None:
            return await super()._write(edit, place, made_for=made_for)
        typed = await self.client.read_file(edit.path)
        made = edit.onto(typed)
        new = None if made is None else made.new
        if made is None or new is None or not await self.client.write_file(edit.path, new):
            diff = edit.diff(place.shown)
            self.emit(EditChanged(edit.path.as_uri(), EditState.REJECTED, diff))
            return EditOutcome(
                EditState.REJECTED,
                f"{place.shown!r} has unsaved changes in the editor, so this change was not "
                "made: both change the same lines, or the editor does not accept changes.  "
                "Read it again, or ask the user to save it.",
            )
        self.emit(EditChanged(edit.path.as_uri(), EditState.APPLIED, made.diff(place.shown)))
        as_it_was = made is (made_for or edit)
        merged = None if as_it_was else new
        kept = "" if as_it_was else "  The user's own changes meanwhile are kept."
        message = f"Applied to the unsaved text in the editor.{kept}"
        return EditOutcome(EditState.APPLIED, message, merged)


@define
class _ShowingEdit:
    """An approver that shows ACP's diff with the question about an edit."""

    inner: Approver
    content: Json
    show: Callable[[str, Json], None]

    async def ask(self, question: Question) -> tuple[str, ...]:
        if question.kind == "edit":
            self.show(question.id, self.content)
        return await self.inner.ask(question)


def _same_lines(one: str, other: str) -> bool:
    """Compare texts as clients do, which report every line end as LF."""
    return one.replace("\r\n", "\n") == other.removeprefix("\ufeff").replace("\r\n", "\n")
