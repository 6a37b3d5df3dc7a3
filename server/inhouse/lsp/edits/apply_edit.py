"""Applies changes in the editor: ``workspace/applyEdit`` and its result."""

from pathlib import Path
from typing import Any

from attrs import frozen

from inhouse.core.errors import InhouseError
from inhouse.core.hunks import text_edits
from inhouse.core.json_values import fields, items
from inhouse.core.ports import Edit
from inhouse.lsp.transport.rpc import EditorRpc
from inhouse.wire import text_range

Json = dict[str, Any]
_PATIENCE = 30.0
"""Seconds for the editor to make a change; some editors ask the user first."""
APPLY = "workspace.applyEdit"
"""The capability of an editor that lets servers change documents."""
TRIES = 3
"""How often a change is sent if the user types into the document in between."""


@frozen
class Current:
    """A file as it is now, in the editor or on disk."""

    path: Path
    uri: str
    text: str | None
    """None if there is no such file."""
    version: int | None
    """None if no buffer of the editor holds it."""
    hidden: bool = False
    """Whether it is in a buffer that the editor never announced, so that its version is unknown."""
    is_unsure: bool = False
    """Such a buffer may hold another text than this one, which the disk has."""


def can_operate(link: EditorRpc, operation: str) -> bool:
    """Return whether the editor itself can ``create`` or ``delete`` files."""
    operations = link.client.capability("workspace.workspaceEdit.resourceOperations")
    return link.client.can(APPLY) and operation in items(operations)


def workspace_edit(link: EditorRpc, current: Current, edit: Edit) -> Json:
    """Make the smallest `WorkspaceEdit` for an edit of the current file: one undo step."""
    if current.text is None:
        create = {"kind": "create", "uri": current.uri, "options": {"ignoreIfExists": False}}
        edits = [{"range": _START, "newText": edit.new or ""}]
        return {"documentChanges": [create, _document_edit(current, edits)]}
    if edit.new is None:
        return {"documentChanges": [{"kind": "delete", "uri": current.uri}]}
    edits = [
        {"range": text_range(each.range), "newText": each.text}
        for each in text_edits(current.text, edit.hunks)
    ]
    if link.client.can("workspace.workspaceEdit.documentChanges"):
        return {"documentChanges": [_document_edit(current, edits)]}
    return {"changes": {current.uri: edits}}


async def send(link: EditorRpc, label: str, edit: Json) -> str | None:
    """Let the editor make a change; return None, or why it did not."""
    try:
        answer = await link.request(
            "workspace/applyEdit", {"label": label, "edit": edit}, seconds=_PATIENCE
        )
    except TimeoutError:
        return "the editor did not answer"
    except InhouseError as error:
        return str(error)
    answer = fields(answer)
    if answer.get("applied") is True:
        return None
    reason = answer.get("failureReason")
    return str(reason) if reason else "the editor refused it"


def _document_edit(current: Current, edits: list[Json]) -> Json:
    version = None if current.hidden else current.version
    return {"textDocument": {"uri": current.uri, "version": version}, "edits": edits}


_START = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}}
