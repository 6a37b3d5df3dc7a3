"""Commands of the review: list, apply, reject and show what agents proposed."""

from inhouse.core.errors import UserError
from inhouse.core.hunks import unified_diff
from inhouse.lsp.contract import arguments
from inhouse.lsp.contract.arguments import Given, Hunks, Token, structure
from inhouse.lsp.documents.show_document import show_document
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.edits.editor_files import EditorFiles
from inhouse.lsp.edits.kept_edits import KeptEdits
from inhouse.lsp.edits.review import Review, as_json
from inhouse.lsp.transport.client import to_path

_WARNING = 2


class ReviewCommands:
    """What the user, or a client, does with proposed edits."""

    def __init__(
        self, context: EditorContext, review: Review, files: EditorFiles, kept: KeptEdits
    ) -> None:
        self._context = context
        self._review = review
        self._kept = kept
        self._files = files

    async def edits(self, command: str, given: Given, _: Token | None) -> object:
        """Return every hunk that waits."""
        review, uri_of = self._review, self._context.documents.uri_of
        wanted = structure(command, given, Hunks)
        self._kept.look()
        await review.look()
        return [
            as_json(each, review.text(each.path), uri_of(each.path))
            for each in review.waiting(wanted)
        ]

    async def apply(self, command: str, given: Given, _: Token | None) -> object:
        """Apply hunks through the editor."""
        decided = await self._review.apply(structure(command, given, Hunks))
        if decided.problems:
            message = "Inhouse: " + "\n".join(decided.problems)
            self._context.rpc.notify("window/showMessage", {"type": _WARNING, "message": message})
        return {"applied": [each.id for each in decided.done], "problems": list(decided.problems)}

    async def reject(self, command: str, given: Given, _: Token | None) -> object:
        """Reject hunks."""
        decided = await self._review.reject(structure(command, given, Hunks))
        return {"rejected": [each.id for each in decided.done]}

    async def preview(self, command: str, given: Given, _: Token | None) -> object:
        """Return both texts of a file, for a client that shows differences itself."""
        argument = structure(command, given, arguments.Preview)
        path = to_path(argument.uri)
        waiting = self._review.waiting(Hunks(uri=argument.uri)) if path is not None else []
        if path is None or not waiting:
            raise UserError(f"No proposed edit is waiting for {argument.uri!r}.", code="no_edit")
        current = await self._files.current(waiting[0].path)
        return {
            "uri": current.uri,
            "original": current.text,
            "proposed": self._review.proposed(waiting[0].path, current.text),
            "hunks": [as_json(each, current.text, current.uri) for each in waiting],
        }

    async def show(self, command: str, given: Given, _: Token | None) -> object:
        """Show the pending edits as a diff in the editor."""
        waiting = self._review.waiting(structure(command, given, Hunks))
        if not waiting:
            raise UserError("No proposed edit is waiting.", code="no_edit")
        context = self._context
        parts: list[str] = []
        for path in dict.fromkeys(each.path for each in waiting):
            text = (await self._files.current(path)).text
            proposed = self._review.proposed(path, text)
            parts.append(unified_diff(context.name_of(path), text, proposed))
        uri = await context.write_state("proposals", "proposed.diff", "".join(parts))
        context.spawn(show_document(context.rpc, uri, focus=True), name="showing a diff")
        return {"uri": uri}
