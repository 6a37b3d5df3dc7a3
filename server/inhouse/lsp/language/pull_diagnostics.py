"""Problems for a client that asks for them: a document is then no longer told of as well."""

from typing import TYPE_CHECKING, Any

from inhouse.lsp.documents import definition_diagnostics
from inhouse.lsp.transport.client import Json

if TYPE_CHECKING:
    from inhouse.lsp.session import Session


async def pull(session: "Session", params: Any) -> Json:
    """Answer ``textDocument/diagnostic`` about the text that is in the editor now."""
    document = session.documents.get(params.text_document.uri)
    if document is None or document.path is None:
        return {"kind": "full", "items": []}
    await session.ready()
    await session.watching.settled()
    if document.uri not in session.pulled:
        session.pulled.add(document.uri)
        definition_diagnostics.show(session)
    found = definition_diagnostics.problems_of(session, document.path)
    return {"kind": "full", "items": [definition_diagnostics.as_diagnostic(each) for each in found]}


def refresh(session: "Session") -> None:
    """Have the client ask again, where it has asked before."""
    open_now = {document.uri for document in session.documents}
    session.pulled &= open_now
    if session.pulled and session.client.can("workspace.diagnostics.refreshSupport"):
        session.link.ask("workspace/diagnostic/refresh", None)
