"""Files as the editor has them, for undoing what a turn changed."""

from pathlib import Path

from attrs import frozen

from inhouse.core.ports import Edit
from inhouse.lsp.contract.arguments import Hunks
from inhouse.lsp.edits.editor_files import EditorFiles
from inhouse.lsp.edits.review import Review


@frozen
class UndoFiles:
    """`inhouse.host.session_undo.Files`: unsaved text first, changes through the editor."""

    files: EditorFiles
    review: Review

    async def read(self, path: Path) -> str | None:
        return (await self.files.current(path)).text

    async def write(self, path: Path, old: str | None, new: str | None) -> str | None:
        current = await self.files.current(path)
        if current.text != old:
            return f"{path} has changed in the meantime, so it stays as it is."
        edit = Edit(path, old, new, current.version)
        return await self.files.change(current, edit, label="Undo of a turn")

    async def withdraw(self, run_id: str, path: Path) -> bool:
        hunks = Hunks(uri=path.as_uri(), run_id=run_id)
        if not self.review.waiting(hunks):
            return False
        await self.review.reject(hunks)
        return True
