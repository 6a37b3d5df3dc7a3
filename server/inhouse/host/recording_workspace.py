"""A workspace whose changes are kept with their session, so that a turn can be undone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from inhouse.core.events import EditState
from inhouse.core.ports import Document, Edit, EditOutcome, Workspace

from .sessions import SessionTurn


@frozen
class RecordingWorkspace:
    """Forwards everything and keeps the texts before and after each change."""

    inner: Workspace
    turn: SessionTurn
    run_id: str

    @property
    def root(self) -> Path:
        return self.inner.root

    async def read(self, path: Path) -> Document:
        return await self.inner.read(path)

    async def apply(self, edit: Edit) -> EditOutcome:
        return self._keep(edit, await self.inner.apply(edit))

    async def propose(self, edit: Edit) -> EditOutcome:
        return self._keep(edit, await self.inner.propose(edit))

    async def unsaved(self) -> Mapping[Path, str | None]:
        return await self.inner.unsaved()

    async def save(self) -> Mapping[Path, str]:
        return await self.inner.save()

    def open_files(self) -> tuple[Path, ...]:
        return self.inner.open_files()

    def selection(self) -> Mapping[str, Any] | None:
        return self.inner.selection()

    async def diagnostics(self, path: Path | None) -> list[dict[str, Any]] | None:
        return await self.inner.diagnostics(path)

    def _keep(self, edit: Edit, outcome: EditOutcome) -> EditOutcome:
        if outcome.state is not EditState.REJECTED:
            state = outcome.state.value
            new = edit.new if outcome.taken is None else outcome.taken
            self.turn.edited(self.run_id, edit.path, edit.old, new, state)
        return outcome
