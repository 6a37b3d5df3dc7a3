"""Pending changes as values, and their places in the current text."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from attrs import evolve, frozen

from inhouse.core.hunks import Hunk, apply_hunks, hunks, lines, moved
from inhouse.core.ports import Edit


@frozen
class Pending:
    """One hunk that the user must decide on."""

    id: str
    run_id: str
    agent: str
    path: Path
    base: str | None
    """The text that it was made for; None if it creates the file."""
    hunk: Hunk
    deletes: bool = False
    """Whether it deletes the whole file."""

    @property
    def kind(self) -> str:
        return "delete" if self.deletes else "create" if self.base is None else "change"


def place(pending: Pending, current: str | None) -> Hunk | None:
    """Find a change's place in the current text; None if that is not exact."""
    if pending.base is None or pending.deletes:
        return pending.hunk if current == pending.base else None
    if current is None:
        return None
    return moved(pending.hunk, pending.base, current)


def placed(waiting: Iterable[Pending], current: str | None) -> list[tuple[Pending, Hunk]]:
    """Return the changes that fit the current text, none overlapping, top to bottom.

    A deletion of the file leaves no place for anything else.
    """
    found: list[tuple[Pending, Hunk]] = []
    for pending in waiting:
        hunk = place(pending, current)
        if hunk is not None and not any(
            pending.deletes or taken.deletes or _overlap(hunk, other) for taken, other in found
        ):
            found.append((pending, hunk))
    return sorted(found, key=lambda each: (each[1].start, each[1].end))


def proposed_text(waiting: Sequence[Pending], current: str | None) -> str | None:
    """Return the current text with all pending changes applied; None if that deletes the file."""
    fitting = placed(waiting, current)
    if any(pending.deletes for pending, _ in fitting):
        return None
    if not fitting:
        return current
    return apply_hunks(current, [hunk for _, hunk in fitting])


def with_change(
    waiting: Sequence[Pending], current: str | None, edit: Edit, made_by: Pending
) -> list[Pending]:
    """Return the pending changes after an edit of the proposed text.

    *made_by* is the template for new hunks; existing ones keep their id and run.
    """
    fitting = placed(waiting, current)
    stale = [each for each in waiting if all(each is not pending for pending, _ in fitting)]
    if edit.new is None:
        whole = Hunk(0, tuple(lines(current or "")), ())
        deletion = evolve(made_by, base=current, hunk=whole, deletes=True)
        if current is None:
            return [*stale, deletion]
        # What other runs proposed comes back if the user rejects the deletion.
        others = [
            each
            for each in waiting
            if each in stale or (each.run_id != made_by.run_id and not each.deletes)
        ]
        return [deletion, *others]
    if any(pending.deletes for pending, _ in fitting):
        # It is written anew: what the deletion hid is not in that text.
        stale = [each for each in stale if place(each, current) is None]
    known = {(hunk.start, hunk.old, hunk.new): pending for pending, hunk in fitting}
    made = list(edit.hunks if edit.old == current else hunks(current, edit.new))
    if current is None and not made:  # An empty file is created too.
        made = [Hunk(0, (), ())]
    kept: list[Pending] = []
    for number, hunk in enumerate(made):
        before = known.get((hunk.start, hunk.old, hunk.new))
        source = before or evolve(made_by, id=f"{made_by.id}.{number + 1}")
        kept.append(evolve(source, base=current, hunk=hunk, deletes=False))
    return [*stale, *kept]


def _overlap(one: Hunk, other: Hunk) -> bool:
    if (one.start, one.end) == (other.start, other.end):
        return True
    return one.start < other.end and other.start < one.end
