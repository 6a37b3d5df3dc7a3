"""Shows documents that the user asked to see."""

from inhouse.core.errors import InhouseError
from inhouse.core.json_values import fields
from inhouse.lsp.transport.rpc import EditorRpc

_INFO = 3
_PATIENCE = 5.0
_SILENT = frozenset({"helix"})
"""Clients that can show documents but do not say so (Helix 25.01)."""


async def show_document(link: EditorRpc, uri: str, *, focus: bool) -> None:
    """Open a document in the editor; if that fails, say where to find it."""
    if not await could_show(link, uri, focus=focus):
        link.notify("window/showMessage", {"type": _INFO, "message": f"Inhouse: see {uri}"})


async def could_show(link: EditorRpc, uri: str, *, focus: bool) -> bool:
    """Open a document in the editor; return whether it did."""
    if not (link.client.can("window.showDocument.support") or link.client.name in _SILENT):
        return False
    params = {"uri": uri, "external": False, "takeFocus": focus}
    try:
        answer = await link.request("window/showDocument", params, seconds=_PATIENCE)
    except (InhouseError, TimeoutError):
        return False
    return bool(fields(answer).get("success"))
