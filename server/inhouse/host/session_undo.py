"""Undoes what a turn changed in files, where the text is still as the turn left it."""

import asyncio
import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from attrs import frozen

from inhouse.core.errors import InhouseError, ToolError, UserError
from inhouse.store.sessions import RUNNING, KeptEdit, SessionSummary

from .sessions import check_turn

if TYPE_CHECKING:
    from .host_state import HostState

TAKEN_BACK = frozenset({"rejected", "undone"})


class Files(Protocol):
    """Files as the user sees them, through an editor or on disk."""

    def name_of(self, path: Path) -> str:
        """Return a file's name for the user."""
        ...

    async def read(self, path: Path) -> str | None:
        """Return a file's text; None if there is none.  Raises `OSError`, `ValueError`."""
        ...

    async def write(self, path: Path, old: str | None, new: str | None) -> str | None:
        """Change a file whose text is *old* now; return None, or why it was not changed."""
        ...

    async def withdraw(self, run_id: str, path: Path) -> bool:
        """Drop what a run proposes for a file and nobody decided yet; tell whether it did."""
        ...


@frozen
class Undone:
    """What was undone, and what was not and why."""

    turn: int
    restored: tuple[Path, ...]
    """Files that are as before the turn again; those that it created are gone."""
    problems: tuple[str, ...]
    created: frozenset[Path] = frozenset()
    """Of those, the files that the turn created."""
    earlier: int | None = None
    """If no turn was named: the one before it that changed files and was not undone."""

    @property
    def nothing(self) -> str | None:
        """Why nothing was done although nothing is wrong, in words."""
        if self.restored or self.problems:
            return None
        told = f"Nothing to undo: the files of turn {self.turn} are as they were before it."
        if self.earlier is None:
            return told
        return f"{told}  To undo turn {self.earlier}, which changed files too, name it."


async def undo(
    host: "HostState",
    files: Files,
    session: str,
    turn: int | None,
    *,
    before: int | None = None,
) -> Undone:
    """Undo what a turn changed; by default the last turn, *before* this one, that changed anything.

    Raises `UserError`.
    """
    sessions = host.sessions
    known = await sessions.named(session)
    if known.status == RUNNING:
        raise UserError(f"Session {known.id!r} is running.  Cancel it, then undo.")
    if turn is not None:
        check_turn(known, turn)
    made = await asyncio.to_thread(sessions.store.edits, known.id, turn)
    left = [edit for edit in made if edit.state not in TAKEN_BACK]
    if turn is None:
        named = [edit.turn for edit in left if before is None or edit.turn < before]
        turn = max(named, default=None)
    edits = [edit for edit in left if edit.turn == turn]
    if not edits or turn is None:
        raise UserError(_nothing_to_undo(known, turn, made))
    by_path: dict[Path, list[KeptEdit]] = {}
    for edit in edits:
        by_path.setdefault(edit.path, []).append(edit)
    restored, problems, done = list[Path](), list[str](), list[int]()
    for path, of_file in by_path.items():
        problem, changed = await _take_back(files, path, of_file)
        if changed:
            restored.append(path)
        if problem is not None:
            problems.append(problem)
        else:
            done += [edit.id for edit in of_file]
    if restored:  # Else an editor may still have, unsaved, what the turn wrote.
        whole = len(done) == len(edits)
        await asyncio.to_thread(sessions.store.mark_undone, known.id, turn, done, whole=whole)
    created = frozenset(path for path in restored if by_path[path][0].old is None)
    earlier = max((edit.turn for edit in left if edit.turn < turn), default=None)
    return Undone(turn, tuple(restored), tuple(problems), created, earlier)


def _nothing_to_undo(known: SessionSummary, turn: int | None, made: Sequence[KeptEdit]) -> str:
    if turn is None:
        return f"No turn of session {known.id!r} changed a file that can be undone."
    if made:
        return f"What turn {turn} of session {known.id!r} changed was undone or rejected already."
    return f"Turn {turn} of session {known.id!r} changed no file."


async def _take_back(
    files: Files, path: Path, edits: Sequence[KeptEdit]
) -> tuple[str | None, bool]:
    """Drop what still waits for a file, then restore it as `_restore` does."""
    try:
        withdrawn = [await files.withdraw(run, path) for run in {edit.run_id for edit in edits}]
    except UserError as error:  # Somebody decided about it at this moment.
        return f"{files.name_of(path)}: {error}", False
    problem, changed = await _restore(files, path, edits)
    return problem, changed or any(withdrawn)


async def _restore(files: Files, path: Path, edits: Sequence[KeptEdit]) -> tuple[str | None, bool]:
    """Restore one file as far as possible; return what stays, and whether anything changed."""
    name = files.name_of(path)
    try:
        now = await files.read(path)
        wanted, kept = _before(name, now, edits)
    except (OSError, ValueError, InhouseError) as error:
        return _unreadable(name, error), False
    problem = None
    if kept:
        places = "1 place" if kept == 1 else f"{kept} places"
        problem = f"{name} was changed in {places} since: the text there stays as it is."
    if wanted == now:
        return problem, False
    try:
        failed = await files.write(path, now, wanted)
    except (OSError, ValueError, InhouseError) as error:
        failed = f"{name} cannot be written: {error}"
    return (failed, False) if failed is not None else (problem, True)


def _before(name: str, now: str | None, edits: Sequence[KeptEdit]) -> tuple[str | None, int]:
    """Return a file's text without these edits, and how many places stay as they are.

    Raises `UserError` if nothing of it can be taken back.
    """
    wanted, kept = now, 0
    for edit in reversed(edits):
        if wanted == edit.new:
            wanted = edit.old
        elif wanted is None or edit.old is None or edit.new is None:
            if wanted != edit.old:
                gone = "was deleted or renamed since: nothing was restored."
                changed = "was changed since: it stays as it is."
                raise UserError(f"{name} {gone if wanted is None else changed}")
        else:
            wanted, stays = take_back(wanted, before=edit.old, after=edit.new)
            kept += stays
    return wanted, kept


def _unreadable(name: str, error: Exception) -> str:
    match error:
        case UserError():
            return str(error)
        case ToolError(code="refused_file"):
            return f"{name} is protected by now: it stays as it is."
        case ToolError():
            return f"{name} is no longer a text file: it stays as it is."
        case _:
            return f"{name} cannot be read: {getattr(error, 'strerror', None) or error}"


def take_back(now: str, *, before: str, after: str) -> tuple[str, int]:
    """Undo the change *before* → *after* in a text that was edited after it.

    Returns the text, and in how many places it stays because it had been changed again.
    """
    base = after.splitlines(keepends=True)
    theirs, ours = before.splitlines(keepends=True), now.splitlines(keepends=True)
    back, since = _changes(base, theirs), _changes(base, ours)
    result: list[str] = []
    at = kept = 0
    shift: list[tuple[int, int, list[str]]] = []
    for start, end, lines in back:
        clashes = [
            other
            for other in since
            if _overlap(start, end, other[0], other[1]) and other != (start, end, lines)
        ]
        same = (start, end, lines) in since
        if clashes:
            kept += 1
        elif not same:
            shift.append((start, end, lines))
    merged = sorted([*since, *shift], key=lambda change: change[:2])
    for start, end, lines in merged:
        result += [*base[at:start], *lines]
        at = max(at, end)
    result += base[at:]
    return "".join(result), kept


def _overlap(start: int, end: int, other_start: int, other_end: int) -> bool:
    if start == end or other_start == other_end:
        return start <= other_end and other_start <= end
    return start < other_end and other_start < end


def _changes(base: Sequence[str], other: Sequence[str]) -> list[tuple[int, int, list[str]]]:
    matcher = difflib.SequenceMatcher(None, base, other, autojunk=False)
    return [
        (i1, i2, list(other[j1:j2]))
        for tag, i1, i2, j1, j2 in matcher.get_opcodes()
        if tag != "equal"
    ]
