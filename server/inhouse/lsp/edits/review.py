"""The review of proposed edits, hunk by hunk, with standard LSP only."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from attrs import evolve, frozen

from inhouse.core.errors import InhouseError, UserError
from inhouse.core.events import EditState
from inhouse.core.hunks import Hunk, apply_hunks, shifted, text_edits, unified_hunks
from inhouse.core.json_values import Json
from inhouse.core.ports import Edit
from inhouse.core.text import Position, Range, Severity
from inhouse.lsp.contract.arguments import Hunks
from inhouse.lsp.documents.diagnostics import diagnostic
from inhouse.lsp.documents.open_documents import OpenDocument
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.edits.editor_files import TRIES, Current, EditorFiles
from inhouse.lsp.edits.pending_hunks import Pending, place, placed, proposed_text, with_change
from inhouse.lsp.transport.client import real, to_path
from inhouse.wire import text_range

_ABSENT = Hunk(0, (), ())
Edited = Callable[[str, str, Path, EditState, str], None]
"""Receives the user's decision: run id, agent, file, state of the edit, its diff."""
Renamed = Callable[[str, Path, Path], None]
"""Receives where a file is now that a run proposed to change: run id, old path, new path."""


@frozen
class Decided:
    """The result of applying or rejecting."""

    done: tuple[Pending, ...] = ()
    problems: tuple[str, ...] = ()


class Review:
    """Keeps what agents proposed until the user has decided each hunk."""

    def __init__(
        self,
        context: EditorContext,
        files: EditorFiles,
        *,
        edited: Edited,
        renamed: Renamed,
        changed: Callable[[], None],
    ) -> None:
        """*changed* is called when the display must change.  Must not block."""
        self._context = context
        self._files = files
        self._edited = edited
        self._renamed = renamed
        self._changed = changed
        self.kept: Callable[[], None] = _nobody
        """Hears that something else waits than before.  Must not block."""
        self.is_kept: Callable[[], Awaitable[None]] = _at_once
        """Waits until what waits is on disk: nobody is told before that it waits."""
        self._ids = itertools.count(1)
        self._waiting: dict[Path, list[Pending]] = {}
        self._texts: dict[Path, str | None] = {}
        """The last known texts of files that the editor does not have open."""
        self.turn = asyncio.Lock()
        """One change at a time, so that each sees the result of the one before."""

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, run_id: str, agent: str, current: Current, edit: Edit) -> None:
        """Propose an edit of a file as it would be with all pending edits accepted."""
        waiting = self._waiting.get(current.path, [])
        pattern = Pending(
            f"edit-{next(self._ids)}", run_id, agent, current.path, current.text, _ABSENT
        )
        self._texts[current.path] = current.text
        self._keep(current.path, with_change(waiting, current.text, edit, pattern))

    async def restore(self, pending: Sequence[Pending]) -> int:
        """Take the edits that were pending before a restart; return how many are new.

        Each is placed in the current text, or marked if it no longer fits.  A process that dies
        while it takes over what another left has written it a second time, perhaps with another
        id: that is one edit.
        """
        async with self.turn:
            there = self.everything
            known_as = [evolve(each, id="") for each in there]
            pending = [each for each in pending if evolve(each, id="") not in known_as]
            taken = {each.id for each in there}
            known = {each.id: each.id for each in pending if each.id not in taken}
            for path in dict.fromkeys(each.path for each in pending):
                self._texts[path] = await self._read(path)
                mine = [
                    each if each.id in known else evolve(each, id=f"edit-{next(self._ids)}.1")
                    for each in pending
                    if each.path == path
                ]
                self._keep(path, [*self._waiting.get(path, []), *mine])
            numbers = [_number(each.id) for each in self.everything]
            self._ids = itertools.count(max((*numbers, next(self._ids) - 1)) + 1)
        return len(pending)

    async def renamed(self, moves: Mapping[Path, Path]) -> None:
        """Take what waits along with files and folders that the user renamed; paths are real.

        Under a name that no agent may write it stays where it was, and no longer fits there.
        """
        async with self.turn:
            to = dict[Path, Path]()
            for path in self.paths:
                old = next((old for old in moves if path.is_relative_to(old)), None)
                new = path if old is None else moves[old] / path.relative_to(old)
                if new != path and await self._files.may_change(new):
                    to[path] = new
            texts = {new: await self._read(new) for new in to.values()}
            # At once, so that what waits is in one of the lists at any time; and all are taken
            # before any is put, since one file may have got the name of another.
            taken = {path: self._waiting.pop(path, []) for path in to}
            for path in taken:
                self._texts.pop(path, None)
            for path in sorted(taken, key=lambda path: to[path] in to):
                new = to[path]
                mine = [evolve(each, path=new) for each in taken[path]]
                if mine:
                    self._waiting[new] = [*self._waiting.get(new, []), *mine]
                    self._texts[new] = texts[new]
                for run_id in dict.fromkeys(each.run_id for each in mine):
                    self._renamed(run_id, path, new)
            if taken:
                self._show()
                self.kept()

    def proposed(self, path: Path, current: str | None) -> str | None:
        """Return the text of a file with all pending edits accepted."""
        waiting = self._waiting.get(path)
        return proposed_text(waiting, current) if waiting else current

    def waiting(self, wanted: Hunks) -> list[Pending]:
        """Return the matching edits, file by file."""
        path = _path(wanted.uri) if wanted.uri is not None else None
        return [
            each
            for file, pending in self._waiting.items()
            for each in pending
            if (path is None or real(file) == path)
            and wanted.run_id in (None, each.run_id)
            and wanted.hunk in (None, each.id)
        ]

    def waiting_in(self, document: OpenDocument) -> list[Pending]:
        """Return the pending edits of an open document."""
        return [
            each
            for path, pending in self._waiting.items()
            if self._context.documents.find(path) is document
            for each in pending
        ]

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(self._waiting)

    @property
    def everything(self) -> list[Pending]:
        return self.waiting(Hunks())

    def text(self, path: Path) -> str | None:
        """Return the current text, if known without reading the disk."""
        document = self._context.documents.find(path)
        return self._texts.get(path) if document is None else document.text

    async def look(self) -> None:
        """Read again what is not open: somebody may have changed or removed it."""
        async with self.turn:
            before = dict(self._texts)
            for path in self._waiting:
                if self._context.documents.find(path) is None:
                    self._texts[path] = await self._read(path)
            if self._texts != before:
                self._show()

    async def _read(self, path: Path) -> str | None:
        try:
            return (await self._files.current(path)).text
        except (OSError, InhouseError):
            return None

    async def apply(self, wanted: Hunks, *, on_disk: bool = False) -> Decided:
        """Apply the matching edits, one undo step per file; files not open change *on_disk*."""
        return await self._decide(wanted, apply=True, on_disk=on_disk)

    async def reject(self, wanted: Hunks) -> Decided:
        """Drop the matching edits; the files stay as they are."""
        return await self._decide(wanted, apply=False)

    def looked_at(self, path: Path) -> None:
        """Update the display, since a document was changed, opened or closed."""
        if path in self._waiting:
            self._show()

    async def _decide(self, wanted: Hunks, *, apply: bool, on_disk: bool = False) -> Decided:
        done: list[Pending] = []
        problems: list[str] = []
        async with self.turn:
            chosen = self.waiting(wanted)
            if not chosen:
                raise UserError(self._nothing(wanted), code="no_edit")
            for path in dict.fromkeys(each.path for each in chosen):
                here = [each for each in chosen if each.path == path]
                taken, bad = await self._apply(path, here, on_disk=on_disk) if apply else (here, [])
                done += taken
                problems += bad
                if not apply:
                    self._keep(path, [e for e in self._waiting[path] if e not in here])
        self._tell(done, EditState.APPLIED if apply else EditState.REJECTED)
        return Decided(tuple(done), tuple(problems))

    async def _apply(
        self, path: Path, chosen: list[Pending], tries: int = TRIES, *, on_disk: bool = False
    ) -> tuple[list[Pending], list[str]]:
        current = await self._files.current(path)
        self._texts[path] = current.text
        waiting = self._waiting[path]
        fitting = placed(waiting, current.text)
        taken = [(each, hunk) for each, hunk in fitting if each in chosen]
        problems = [
            f"{path.name}: {_misfit(each, current.text)} ({each.id}); "
            "undo that, or reject the proposal."
            for each in chosen
            if all(each is not pending for pending, _ in taken)
        ]
        if not taken:
            self._show()
            return [], problems
        hunks = tuple(hunk for _, hunk in taken)
        gone = any(pending.deletes for pending, _ in taken)
        new = None if gone else apply_hunks(current.text, hunks)
        problem = await self._files.change(
            current,
            Edit(path, current.text, new, current.version, hunks=hunks),
            label="Inhouse: apply changes",
            on_disk=on_disk,
        )
        if problem is not None:
            moved_on = (await self._files.current(path)).version != current.version
            if moved_on and tries > 1:
                return await self._apply(path, chosen, tries - 1, on_disk=on_disk)
            return [], [*problems, f"{path.name}: {problem}"]
        done = [pending for pending, _ in taken]
        self._texts[path] = new
        self._keep(path, _rest(waiting, fitting, done, hunks, new))
        return done, problems

    def _keep(self, path: Path, waiting: list[Pending]) -> None:
        if waiting:
            self._waiting[path] = waiting
        else:
            self._waiting.pop(path, None)
            self._texts.pop(path, None)
        self._show()
        self.kept()

    def _show(self) -> None:
        found: dict[str, list[Json]] = {}
        for path, waiting in self._waiting.items():
            uri = self._context.documents.uri_of(path)
            found[uri] = [self._diagnostic(each, self.text(path)) for each in waiting]
        self._context.diagnostics.show("review", found)
        self._changed()

    def _diagnostic(self, pending: Pending, text: str | None) -> Json:
        where = where_is(pending, text)
        if where is None:
            message = f"No longer fits: {_misfit(pending, text)}."
            return diagnostic(
                _line(pending.hunk.start), Severity.WARNING, "stale-edit", message, data=pending.id
            )
        message = f"{pending.agent} proposes {summary(pending)}"
        return diagnostic(where, Severity.INFORMATION, "proposed-edit", message, data=pending.id)

    def _tell(self, done: list[Pending], state: EditState) -> None:
        """Report to runs what became of their edits, once none of a file's edits is pending."""
        for run_id, path in dict.fromkeys((each.run_id, each.path) for each in done):
            mine = [each for each in done if (each.run_id, each.path) == (run_id, path)]
            base = mine[0].base
            same = [each.hunk for each in mine if each.base == base]
            name = self._context.name_of(path)
            diff = unified_hunks(name, base, same, gone=mine[0].deletes)
            self._edited(run_id, mine[0].agent, path, state, diff)

    def _nothing(self, wanted: Hunks) -> str:
        if not self._waiting:
            return "No proposed edit is waiting."
        ids = ", ".join(each.id for each in self.waiting(Hunks()))
        what = wanted.hunk or wanted.uri or wanted.run_id
        return f"No proposed edit is waiting for {what!r}.  Waiting: {ids}"


def _number(hunk_id: str) -> int:
    number = hunk_id.removeprefix("edit-").partition(".")[0]
    return int(number) if number.isdigit() else 0


def _nobody() -> None:
    """Do nothing."""


async def _at_once() -> None:
    """Wait for nothing."""


def where_is(pending: Pending, text: str | None) -> Range | None:
    """Return the lines that a change would replace now; None if it does not fit."""
    hunk = place(pending, text)
    if hunk is None:
        return None
    if pending.base is None:
        return _line(0)
    return text_edits(text or "", (hunk,))[0].range


def _misfit(pending: Pending, text: str | None) -> str:
    """Say why a change has no place in the current text."""
    if text is None:
        return f"there is no such file any more, which {pending.agent} proposed to {pending.kind}"
    if pending.base is None:
        return f"there is a file now, which {pending.agent} proposed to create"
    return f"the text has changed where {pending.agent} proposed a change"


def summary(pending: Pending) -> str:
    """Say in one line what a change does."""
    match pending.kind:
        case "create":
            return f"to create this file ({len(pending.hunk.new)} lines)"
        case "delete":
            return "to delete this file"
        case _:
            removed, added = len(pending.hunk.old), len(pending.hunk.new)
            return f"a change here (-{removed} +{added}):\n{_body(pending.hunk)}"


def as_json(pending: Pending, text: str | None, uri: str) -> Json:
    """Return a change as JSON for clients with their own review."""
    where = where_is(pending, text)
    return {
        "id": pending.id,
        "runId": pending.run_id,
        "agent": pending.agent,
        "uri": uri,
        "kind": pending.kind,
        "fits": where is not None,
        "range": None if where is None else text_range(where),
        "old": "".join(pending.hunk.old),
        "new": "".join(pending.hunk.new),
    }


def _rest(
    waiting: list[Pending],
    fitting: list[tuple[Pending, Hunk]],
    done: list[Pending],
    applied: Sequence[Hunk],
    new: str | None,
) -> list[Pending]:
    """Return the edits that are still pending, rebased onto the new text."""
    moved = {
        pending.id: evolve(pending, base=new, hunk=shifted(hunk, applied))
        for pending, hunk in fitting
        if pending not in done and new is not None and not pending.deletes
    }
    return [moved.get(each.id, each) for each in waiting if each not in done]


def _body(hunk: Hunk, most: int = 12) -> str:
    body = [f"-{line.rstrip()}" for line in hunk.old] + [f"+{line.rstrip()}" for line in hunk.new]
    return "\n".join([*body[:most], "…"] if len(body) > most else body)


def _line(number: int) -> Range:
    return Range(Position(number, 0), Position(number, 0))


def _path(uri: str) -> Path:
    path = to_path(uri)
    if path is None:
        raise UserError(f"{uri!r} is not a file: URI.")
    return real(path)
