"""Keeps proposed edits on disk, so that they survive a reload, a restart or a crash."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import asdict

from inhouse.core.hunks import Hunk
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.edits.pending_hunks import Pending
from inhouse.lsp.edits.review import Review
from inhouse.store.waiting_edits import WaitingEdits

_INFO, _WARNING = 3, 2
_VERSION = 1
_PATIENCE = 10.0
"""Seconds for a window that is loaded again to take what is its own."""


class KeptEdits:
    """Writes pending edits whenever they change, and restores what was left."""

    def __init__(
        self, context: EditorContext, review: Review, *, patience: float = _PATIENCE
    ) -> None:
        self._context = context
        self._review = review
        self._patience = patience
        self._store: WaitingEdits | None = None
        self._is_dirty = False
        self._is_kept = True
        """Whether the last attempt to write them worked."""
        self._writing: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        """One write at a time, so that the newest is the one that stays."""
        self._looking: asyncio.Task[None] | None = None

    async def restore(self) -> None:
        """Restore what an ended process of this workspace left."""
        host = self._context.host
        self._store = WaitingEdits(self._context.state_folder, host.main_root)
        await self._take_over(self._store, None, "before the restart")

    def look(self) -> None:
        """Take what another process leaves while this one lives, unless its own heir does."""
        if self._store is not None and (self._looking is None or self._looking.done()):
            looking = self._look(self._store)
            self._looking = self._context.spawn(looking, name="looking for left edits")

    async def _look(self, store: WaitingEdits) -> None:
        if left := await asyncio.to_thread(store.left):
            await asyncio.sleep(self._patience)
            await self._take_over(store, left, "an editor that was closed")

    async def _take_over(
        self, store: WaitingEdits, files: Sequence[Path] | None, whence: str
    ) -> None:
        found, broken = await asyncio.to_thread(store.take_over, files)
        count = 0
        for each in found:
            try:
                pending = _from_json(each["value"])
            except (KeyError, TypeError, ValueError, IndexError):
                broken.append(each["file"])
                continue
            count += await self._review.restore(pending)
        if count:
            await self._write()
            some = "1 proposed change waits" if count == 1 else f"{count} proposed changes wait"
            self._say(_INFO, f"Inhouse: {some} for your decision, from {whence}.")
        is_kept = self._is_kept  # What is decided from here on is written once more.
        for each in found:
            if is_kept and each["file"] not in broken:
                await asyncio.to_thread(store.forget, each["file"])
        for file in broken:
            self._say(
                _WARNING,
                f"Inhouse: proposed changes from {whence} cannot be read: {file}",
            )
        if self._is_dirty:
            self.changed()

    def changed(self) -> None:
        """Write the pending edits; called whenever they change."""
        self._is_dirty = True
        if self._store is not None and (self._writing is None or self._writing.done()):
            self._writing = self._context.spawn(self._write(), name="keeping proposed edits")

    async def settled(self) -> None:
        """Wait until what waits now is on disk, or the user was told that it cannot be."""
        if self._writing is not None:
            await asyncio.wait([self._writing])

    async def aclose(self) -> None:
        """Write what is unwritten, and leave it to the next process."""
        if self._store is None:
            return
        await self.settled()
        await self._write()
        await asyncio.to_thread(self._store.close)

    async def _write(self) -> None:
        assert self._store is not None  # noqa: S101  both callers have checked
        async with self._turn:
            while self._is_dirty:
                self._is_dirty = self._is_kept = False
                value = _as_json(self._review.everything)
                try:
                    await asyncio.to_thread(self._store.write, value)
                except OSError as error:
                    self._say(
                        _WARNING,
                        "Inhouse: proposed changes cannot be saved to disk "
                        f"({error.strerror or type(error).__name__}); a restart would lose them.",
                    )
                    return
                self._is_kept = True

    def _say(self, level: int, message: str) -> None:
        self._context.rpc.notify("window/showMessage", {"type": level, "message": message})


def _as_json(waiting: Sequence[Pending]) -> dict[str, Any] | None:
    """Return the pending edits as JSON, with each text only once."""
    if not waiting:
        return None
    texts = list(dict.fromkeys(each.base for each in waiting if each.base is not None))
    numbers = {text: number for number, text in enumerate(texts)}
    return {
        "version": _VERSION,
        "texts": texts,
        "edits": [
            {
                "id": each.id,
                "runId": each.run_id,
                "agent": each.agent,
                "path": str(each.path),
                "base": None if each.base is None else numbers[each.base],
                "deletes": each.deletes,
                "hunk": asdict(each.hunk),
            }
            for each in waiting
        ],
    }


def _from_json(value: Mapping[str, Any]) -> list[Pending]:
    """Read what `_as_json` wrote.  Raises `KeyError`, `TypeError`, `ValueError`, `IndexError`."""
    if value["version"] != _VERSION:
        raise ValueError(f"version {value['version']}")
    texts: list[str] = [str(text) for text in value["texts"]]
    return [
        Pending(
            str(each["id"]),
            str(each["runId"]),
            str(each["agent"]),
            Path(str(each["path"])),
            _base(texts, each["base"]),
            _hunk(each["hunk"]),
            deletes=bool(each["deletes"]),
        )
        for each in value["edits"]
    ]


def _base(texts: list[str], number: int | None) -> str | None:
    return None if number is None else texts[number]


def _hunk(value: Mapping[str, Any]) -> Hunk:
    parts = (tuple(str(line) for line in value[key]) for key in ("old", "new", "before", "after"))
    return Hunk(int(value["start"]), *parts)
