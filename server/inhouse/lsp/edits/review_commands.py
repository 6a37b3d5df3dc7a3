"""Commands of the review: list, apply, reject and show what agents proposed."""

from typing import TYPE_CHECKING, Any

from inhouse.core.errors import UserError
from inhouse.lsp.commands import arguments
from inhouse.lsp.commands.arguments import Hunks, Token, structure
from inhouse.lsp.documents.show_document import show_document
from inhouse.lsp.edits.review import Decided, as_json
from inhouse.lsp.transport.client import to_path
from inhouse.tools.edit.hunks import unified_diff

if TYPE_CHECKING:
    from inhouse.lsp.session import Session

_WARNING = 2
Given = list[Any] | None


def edits(session: "Session", command: str, given: Given, _: Token | None) -> Any:
    """Give every hunk that waits."""
    wanted = structure(command, given, Hunks)
    review, uri_of = session.review, session.documents.uri_of
    return [
        as_json(each, review.text(each.path), uri_of(each.path)) for each in review.waiting(wanted)
    ]


async def apply(session: "Session", command: str, given: Given, _: Token | None) -> Any:
    """Apply hunks through the editor."""
    decided = await session.review.apply(structure(command, given, Hunks))
    _warn(session, decided)
    return {"applied": [each.id for each in decided.done], "problems": list(decided.problems)}


async def reject(session: "Session", command: str, given: Given, _: Token | None) -> Any:
    """Forget hunks."""
    decided = await session.review.reject(structure(command, given, Hunks))
    return {"rejected": [each.id for each in decided.done]}


async def preview(session: "Session", command: str, given: Given, _: Token | None) -> Any:
    """Give both texts of a file, for a client that shows differences itself."""
    argument = structure(command, given, arguments.Preview)
    path = to_path(argument.uri)
    waiting = session.review.waiting(Hunks(uri=argument.uri)) if path is not None else []
    if path is None or not waiting:
        raise UserError(f"No proposed edit waits for {argument.uri!r}.", code="no_edit")
    current = await session.current(waiting[0].path)
    return {
        "uri": current.uri,
        "original": current.text,
        "proposed": session.review.proposed(waiting[0].path, current.text),
        "hunks": [as_json(each, current.text, current.uri) for each in waiting],
    }


async def show(session: "Session", command: str, given: Given, _: Token | None) -> Any:
    """Show what waits as a diff in the editor."""
    wanted = structure(command, given, Hunks)
    waiting = session.review.waiting(wanted)
    if not waiting:
        raise UserError("No proposed edit waits.", code="no_edit")
    parts: list[str] = []
    for path in dict.fromkeys(each.path for each in waiting):
        text = (await session.current(path)).text
        parts.append(unified_diff(session.name_of(path), text, session.review.proposed(path, text)))
    uri = await session.write_state("proposals", "proposed.diff", "".join(parts))
    session.spawn(show_document(session.link, uri, focus=True), name="showing a diff")
    return {"uri": uri}


def _warn(session: "Session", decided: Decided) -> None:
    if decided.problems:
        message = "Inhouse: " + "\n".join(decided.problems)
        session.link.notify("window/showMessage", {"type": _WARNING, "message": message})
