"""A workspace without an editor: the files on disk, and a question before each change."""

import asyncio
import contextlib
import errno
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from attrs import define, field, frozen

from inhouse.core.errors import ToolError
from inhouse.core.events import EditChanged, EditState
from inhouse.core.hunks import Hunk
from inhouse.core.json_values import Json
from inhouse.core.ports import Approver, Document, Edit, EditOutcome, Emit, Question
from inhouse.core.settings import EditMode
from inhouse.tools.access.paths import WorkspacePath, follow
from inhouse.tools.access.safe_open import (
    ChangedMeanwhileError,
    Was,
    read_bytes,
    remove_file,
    write_bytes,
)
from inhouse.tools.files.encoding import Encoding, decode, encode

APPLY, APPLY_ALL, REJECT = "Apply", "Apply all in this run", "Reject"
_REFUSED = "The user rejected this change; the file is as it was."
_NOBODY = (
    "The change was not made: edits are reviewed, and nobody answered the question.  "
    'With the setting edits = "apply" they are made without one.'
)
_PROPOSED = "Proposed; the user decides later.  You see the file as if it had been accepted."


@frozen
class Proposal:
    """An edit that waits for the user."""

    edit: Edit
    diff: str


@frozen
class Reviewed:
    """What the user accepted of an edit, hunk by hunk."""

    text: str
    """The resulting text of the file."""
    hunks: tuple[Hunk, ...]
    """What was accepted, perhaps edited."""
    of: int
    and_the_rest: bool = False
    """Whether later edits of this run are accepted without a question."""


class Review(Protocol):
    """Shows an edit hunk by hunk and lets the user decide; returns None if nobody answers."""

    async def __call__(self, shown: str, edit: Edit) -> Reviewed | None: ...


@define
class DiskWorkspace:
    """`inhouse.core.ports.Workspace` for a terminal.  One for each run."""

    root: Path
    emit: Emit
    approver: Approver
    mode: EditMode = EditMode.REVIEW
    extra_roots: tuple[Path, ...] = ()
    review: Review | None = None
    """Decides edits of existing files hunk by hunk; None to ask about each edit as a whole."""
    collects: bool = False
    """Whether to keep edits as proposals instead of asking, since nobody can answer."""
    _proposals: dict[Path, Proposal] = field(factory=dict[Path, Proposal], alias="proposals")
    _apply_all: bool = field(default=False, init=False)
    _turn: asyncio.Lock = field(factory=asyncio.Lock, init=False)

    async def read(self, path: Path) -> Document:
        """Return a file as if its proposals had been accepted."""
        if path in self._proposals:
            await self._rebase(path)
        proposal = self._proposals.get(path)
        if proposal is None:
            return Document(path, (await self.read_disk(path))[0], None)
        if proposal.edit.new is None:
            raise FileNotFoundError(errno.ENOENT, "No such file", str(path))
        return Document(path, proposal.edit.new, 0)

    async def read_disk(self, path: Path) -> tuple[str, Encoding]:
        """Return what the disk has, whatever is proposed.  Raises `OSError` and `ToolError`."""
        return await asyncio.to_thread(_read, self._place(path))

    async def apply(self, edit: Edit) -> EditOutcome:
        """Apply an edit, after a question if the settings want one."""
        if self.collects and self.mode is EditMode.REVIEW:
            return await self.propose(edit)
        try:
            whole = self._on_disk(edit)
        except ToolError as error:
            return EditOutcome(EditState.REJECTED, str(error))
        return await self._apply(whole)

    async def _apply(self, edit: Edit) -> EditOutcome:
        if edit.old == edit.new:
            self._proposals.pop(edit.path, None)
            return EditOutcome(EditState.APPLIED, "What was proposed for it is taken back.")
        place = self._place(edit.path)
        async with self._turn:
            try:
                now = await self._now(edit, place)
            except ToolError as error:  # Nobody is asked about what cannot be done.
                self._emit(edit, place, EditState.REJECTED)
                return EditOutcome(EditState.REJECTED, str(error))
            if self._asks and self.review and now.old is not None and now.new is not None:
                reviewed = await self.review(place.shown, now)
                if reviewed is not None and reviewed.hunks:
                    return await self._take(edit, now, place, reviewed)
                refusal = _NOBODY if reviewed is None else _REFUSED
            else:
                refusal = await self._ask(place, now)
            if refusal is None:
                return await self._write(now, place, made_for=edit)
        self._emit(now, place, EditState.REJECTED)
        return EditOutcome(EditState.REJECTED, refusal)

    async def _take(
        self, edit: Edit, now: Edit, place: WorkspacePath, reviewed: Reviewed
    ) -> EditOutcome:
        """Write what the user accepted, and say what was left out."""
        self._apply_all = self._apply_all or reviewed.and_the_rest
        taken = Edit(now.path, now.old, reviewed.text, now.version, hunks=reviewed.hunks)
        outcome = await self._write(taken, place, made_for=taken if now is edit else edit)
        if outcome.state is EditState.REJECTED or reviewed.text == now.new:
            return outcome
        message = (
            f"{outcome.message}  The user took {len(reviewed.hunks)} of {reviewed.of} changes, or "
            "edited them: read the file before you change it again, and do not repeat the rest."
        )
        merged = reviewed.text if outcome.merged is None else outcome.merged
        return EditOutcome(outcome.state, message, merged, taken=reviewed.text)

    @property
    def _asks(self) -> bool:
        return self.mode is not EditMode.APPLY and not self._apply_all

    async def propose(self, edit: Edit) -> EditOutcome:
        """Keep an edit for later, together with an earlier one of the same file."""
        await self._rebase(edit.path)
        try:
            edit = self._on_disk(edit)
        except ToolError as error:
            return EditOutcome(EditState.REJECTED, str(error))
        diff = edit.diff(self._place(edit.path).shown)
        self._proposals[edit.path] = Proposal(edit, diff)
        self.emit(EditChanged(edit.path.as_uri(), EditState.PROPOSED, diff))
        return EditOutcome(EditState.PROPOSED, _PROPOSED)

    async def write(self, edit: Edit) -> EditOutcome:
        """Apply an edit without a question, since the user has just agreed to it."""
        async with self._turn:
            return await self._write(edit, self._place(edit.path))

    async def unsaved(self) -> Mapping[Path, str | None]:
        """Return undecided proposals."""
        for path in tuple(self._proposals):
            await self._rebase(path)
        return {self._place(path).path: each.edit.new for path, each in self._proposals.items()}

    async def save(self) -> Mapping[Path, str]:
        """Apply the proposals."""
        failed: dict[Path, str] = {}
        for path, proposal in tuple(self._proposals.items()):
            outcome = await self.write(proposal.edit)
            if outcome.state is EditState.REJECTED:
                failed[path] = outcome.message
        return failed

    def open_files(self) -> tuple[Path, ...]:
        return ()

    def selection(self) -> Mapping[str, object] | None:
        return None

    async def diagnostics(self, path: Path | None) -> list[Json] | None:  # noqa: ARG002
        return None

    @property
    def proposals(self) -> tuple[Proposal, ...]:
        """The proposals of ``propose_*``, one per file; the caller shows them after the run."""
        return tuple(self._proposals.values())

    async def _rebase(self, path: Path) -> None:
        """Make a proposal one of the file's current text, if it still has its place there."""
        proposal = self._proposals.get(path)
        if proposal is None:
            return
        place = self._place(path)
        with contextlib.suppress(ToolError):
            now = await self._now(proposal.edit, place)
            if now is not proposal.edit and self._proposals.get(path) is proposal:
                self._proposals[path] = Proposal(now, now.diff(place.shown))

    async def _now(self, edit: Edit, place: WorkspacePath) -> Edit:
        """Return the edit relative to the text that is there now.  Raises `ToolError`."""
        return await asyncio.to_thread(lambda: _placed(edit, _current(place), place))

    def _on_disk(self, edit: Edit) -> Edit:
        """Convert an edit on top of a proposal to an edit of the file itself.

        Raises `ToolError`.
        """
        proposal = self._proposals.get(edit.path)
        if proposal is None:
            return edit
        # It may have been rebased since the caller read it: what the user wrote then is kept.
        made = _placed(edit, proposal.edit.new, self._place(edit.path))
        return Edit(edit.path, proposal.edit.old, made.new, edit.version)

    def _place(self, path: Path) -> WorkspacePath:
        return follow(path, (self.root, *self.extra_roots))

    def _emit(self, edit: Edit, place: WorkspacePath, state: EditState) -> None:
        self.emit(EditChanged(edit.path.as_uri(), state, edit.diff(place.shown)))

    async def _ask(self, place: WorkspacePath, edit: Edit) -> str | None:
        """Return None if the change may be made, else what to tell the model."""
        if not self._asks:
            return None
        question = Question(
            id=f"edit-{uuid4().hex[:8]}",
            text=f"Apply this change to {place.shown}?",
            choices=(REJECT, APPLY, APPLY_ALL),
            kind="edit",
            safe=REJECT,
            lasting=(APPLY_ALL,),
            detail=edit.diff(place.shown),
            keys=("n", "y", "everything"),
        )
        answer = await self.approver.ask(question)
        if APPLY_ALL in answer:
            self._apply_all = True
        if APPLY in answer or APPLY_ALL in answer:
            return None
        return _REFUSED if REJECT in answer else _NOBODY

    async def _write(
        self, edit: Edit, place: WorkspacePath, *, made_for: Edit | None = None
    ) -> EditOutcome:
        """Write an edit; *made_for* is the one that the caller knows, if the file has changed."""
        try:
            made = await asyncio.to_thread(_change, edit, place)
        except ToolError as error:
            self._emit(edit, place, EditState.REJECTED)
            return EditOutcome(EditState.REJECTED, str(error))
        self._proposals.pop(edit.path, None)
        self._emit(made, place, EditState.APPLIED)
        if made is (made_for or edit):
            return EditOutcome(EditState.APPLIED, "Applied.")
        message = "Applied.  The file had changed meanwhile; both changes are kept."
        return EditOutcome(EditState.APPLIED, message, made.new)


def _change(edit: Edit, place: WorkspacePath, tries: int = 3) -> Edit:
    """Write the change; return the edit relative to the text that was found."""
    was = _bytes(place)
    current, encoding = _decoded(was, place)
    made = _placed(edit, current, place)
    try:
        if made.new is None:
            remove_file(place.root, place.relative, was=Was(was))
        else:
            content = encode(made.new, encoding, name=place.shown)
            write_bytes(place.root, place.relative, content, was=Was(was))
    except ChangedMeanwhileError:  # Between reading and writing: look again.
        if tries > 1:
            return _change(edit, place, tries - 1)
        raise ToolError(
            f"{place.shown!r} changes all the time; nothing was written.  Try again.",
            code="changed",
        ) from None
    except OSError as error:
        raise _failed(place, error) from None
    return made


def _current(place: WorkspacePath) -> str | None:
    return _decoded(_bytes(place), place)[0]


def _bytes(place: WorkspacePath) -> bytes | None:
    try:
        return read_bytes(place.root, place.relative)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _failed(place, error) from None


def _decoded(content: bytes | None, place: WorkspacePath) -> tuple[str | None, Encoding]:
    return (None, Encoding()) if content is None else decode(content, name=place.shown)


def _placed(edit: Edit, current: str | None, place: WorkspacePath) -> Edit:
    made = edit.onto(current)
    if made is None and edit.new is None:
        raise ToolError(
            f"{place.shown!r} has changed since it was read; it was not deleted.", code="changed"
        )
    if made is None:
        raise ToolError(
            f"{place.shown!r} has changed since it was read, at the same lines; nothing was "
            "written.  Read it again and repeat the edit.",
            code="changed",
        )
    return made


def _read(place: WorkspacePath) -> tuple[str, Encoding]:
    return decode(read_bytes(place.root, place.relative), name=place.shown)


def _failed(place: WorkspacePath, error: OSError) -> ToolError:
    reason = error.strerror or error.__class__.__name__
    return ToolError(f"{place.shown!r} cannot be written: {reason}.", code="unwritable")
