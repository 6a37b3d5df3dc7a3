"""Proposals of ``propose_*`` belong to the run that made them until the top-level run has ended.

Two proposers do not see each other's, and a parent that applies one of them changes the original
files.  What has not been applied by the end is put before the user.
"""

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import define, evolve, field, frozen

from inhouse.core.counts import count
from inhouse.core.errors import ToolError
from inhouse.core.events import EditState, Notice
from inhouse.core.json_values import Json
from inhouse.core.ports import Document, Edit, EditOutcome, Emit, Workspace


@frozen
class _Proposal:
    edit: Edit
    """From the text that everybody sees to the proposed one."""
    number: int
    """When it was made."""


@define
class Settled:
    """When each file was last changed for everybody; shared by a run and its sub-agents."""

    _last: dict[Path, int] = field(factory=dict[Path, int], init=False)
    _now: int = field(default=0, init=False)

    def next(self) -> int:
        self._now += 1
        return self._now

    def changed(self, path: Path) -> None:
        self._last[path] = self.next()

    def since(self, path: Path, number: int) -> bool:
        return self._last.get(path, 0) > number


@define
class RunProposals:
    """The proposals of one run, and what its sub-agents left."""

    settled: Settled = field(factory=Settled)
    own: dict[Path, _Proposal] = field(factory=dict[Path, _Proposal], init=False)
    left: list[_Proposal] = field(factory=list[_Proposal], init=False)

    def child(self) -> "RunProposals":
        """Return the proposals of a new sub-agent, which sees none of these."""
        return RunProposals(self.settled)

    def hand_up(self, above: "RunProposals") -> None:
        """Pass all proposals to the parent run."""
        above.left += (*self.own.values(), *self.left)
        self.own.clear()
        self.left.clear()

    def in_order(self) -> list[_Proposal]:
        """Return all proposals, in the order they were made."""
        return sorted((*self.own.values(), *self.left), key=lambda each: each.number)

    def is_settled(self, proposal: _Proposal) -> bool:
        """Return whether its file was changed for everybody after it was made.

        Then that change was the choice among the proposals for it.
        """
        return self.settled.since(proposal.edit.path, proposal.number)


def _nobody_keeps_it(edit: Edit, outcome: EditOutcome) -> None:
    """Drop what became of an edit."""


@frozen
class PrivateWorkspace:
    """A workspace in which a run sees its own proposals as if they had been accepted."""

    inner: Workspace
    proposals: RunProposals
    on_change: Callable[[Edit, EditOutcome], None] = _nobody_keeps_it
    """Hears what became of each edit that was handed to the workspace below."""
    refusal: str | None = None
    """Why this run may change no file, and what would help; None if it may."""

    @property
    def root(self) -> Path:
        return self.inner.root

    async def read(self, path: Path) -> Document:
        """Return a file with this run's proposal for it, rebased if the file has changed."""
        proposal = self.proposals.own.get(path)
        if proposal is None:
            return await self.inner.read(path)
        current = await self._current(path)
        text = _with(proposal, current)
        if text == current:
            return await self.inner.read(path)  # Something else stands there now.
        if text is None:
            raise FileNotFoundError(2, "No such file", str(path))
        return Document(path, text, 0)

    async def apply(self, edit: Edit) -> EditOutcome:
        """Apply an edit, and with it what this run has proposed for the file."""
        if self.refusal is not None:
            return EditOutcome(EditState.REJECTED, self.refusal)
        whole = await self._from_current(edit) if edit.path in self.proposals.own else edit
        if whole is None:
            return changed(edit)
        outcome = await self.inner.apply(whole)
        self.on_change(whole, outcome)
        if outcome.state is not EditState.REJECTED:
            self.proposals.own.pop(edit.path, None)
            self.proposals.settled.changed(edit.path)
        return _with_merged(outcome, edit, whole)

    async def propose(self, edit: Edit) -> EditOutcome:
        """Keep an edit for this run."""
        if self.refusal is not None:
            return EditOutcome(EditState.REJECTED, self.refusal)
        number = self.proposals.settled.next()
        made = await self._from_current(edit)
        if made is None:
            return changed(edit)
        self.proposals.own[edit.path] = _Proposal(made, number)
        outcome = EditOutcome(
            EditState.PROPOSED,
            "Proposed: no file is changed.  You see the file as if it had been accepted; the user "
            "is asked when the whole run has ended, unless somebody has applied it by then.",
        )
        return _with_merged(outcome, edit, made)

    async def _from_current(self, edit: Edit) -> Edit | None:
        """Make an edit of what this run sees one of what everybody sees now.

        None where both have changed the same lines since the run looked.
        """
        current = await self._current(edit.path)
        proposal = self.proposals.own.get(edit.path)
        moved = edit.onto(current if proposal is None else _with(proposal, current))
        if moved is None:
            return None
        return edit if edit.old == current else Edit(edit.path, current, moved.new, edit.version)

    async def unsaved(self) -> Mapping[Path, str | None]:
        found = dict(await self.inner.unsaved())
        for path in self.proposals.own:
            try:
                found[path] = (await self.read(path)).text
            except FileNotFoundError:
                found[path] = None
            except (OSError, ToolError):
                continue
        return found

    async def save(self) -> Mapping[Path, str]:
        """Apply this run's proposals and all shared pending edits."""
        failed: dict[Path, str] = {}
        for path, proposal in tuple(self.proposals.own.items()):
            outcome = await self.inner.propose(proposal.edit)
            self.on_change(proposal.edit, outcome)
            if outcome.state is EditState.REJECTED:
                failed[path] = outcome.message
                continue
            self.proposals.own.pop(path)
            self.proposals.settled.changed(path)
        return {**failed, **await self.inner.save()}

    def open_files(self) -> tuple[Path, ...]:
        return self.inner.open_files()

    def selection(self) -> Mapping[str, object] | None:
        return self.inner.selection()

    async def diagnostics(self, path: Path | None) -> list[Json] | None:
        return await self.inner.diagnostics(path)

    async def offer(self, emit: Emit) -> None:
        """Offer the remaining proposals to the user, and say which are not shown and why."""
        dropped: dict[Path, int] = {}
        for proposal in self.proposals.in_order():
            edit = proposal.edit
            try:
                current = await self._current(edit.path)
            except (OSError, ToolError) as error:
                emit(_not_shown(edit, error))
                continue
            made = edit.onto(current)
            if current == (edit.new if made is None else made.new):
                continue  # It has been applied.
            if self.proposals.is_settled(proposal):
                dropped[edit.path] = dropped.get(edit.path, 0) + 1
                continue
            outcome = await self.inner.propose(edit)
            self.on_change(edit, outcome)
            if outcome.state is EditState.REJECTED:
                emit(_not_shown(edit, outcome.message))
        for path, number in dropped.items():
            changes = count(number, "proposed change")
            told = f"Not shown: {changes} of {path.name}.  An agent has changed the file since."
            emit(Notice("info", "proposal", told))
        self.proposals.own.clear()
        self.proposals.left.clear()

    async def _current(self, path: Path) -> str | None:
        with contextlib.suppress(FileNotFoundError):
            return (await self.inner.read(path)).text
        return None


def _not_shown(edit: Edit, reason: object) -> Notice:
    message = f"A proposed change of {edit.path.name} is not shown: {reason}"
    return Notice("warning", "proposal", message)


def _with(proposal: _Proposal, current: str | None) -> str | None:
    """Return the text of now with a proposal in it; without it where it has no place any more."""
    made = proposal.edit.onto(current)
    return current if made is None else made.new


def _with_merged(outcome: EditOutcome, edit: Edit, made: Edit) -> EditOutcome:
    """Say what came about where that is not what the edit would have made."""
    if outcome.state is EditState.REJECTED or outcome.merged is not None or made.new == edit.new:
        return outcome
    return evolve(outcome, merged=made.new)


def changed(edit: Edit) -> EditOutcome:
    """Refuse an edit whose place has another text by now."""
    return EditOutcome(
        EditState.REJECTED,
        f"{edit.path.name!r} has changed since it was read, at the same lines; nothing was "
        "changed.  Read it again and repeat the edit.",
    )
