"""The language features that the server advertises.  Imports nothing: ``initialize`` waits."""

from typing import Any

from inhouse.lsp.transport.client import EditorClient


def language_capabilities(client: EditorClient) -> dict[str, Any]:
    """Return the providers for definition files and for documents that Inhouse writes."""
    offered: dict[str, Any] = {
        "completionProvider": {"triggerCharacters": ["'", '"', "`", "{", "[", "/", "-", "@"]},
        "hoverProvider": True,
        "definitionProvider": True,
        "referencesProvider": True,
        "documentSymbolProvider": True,
        "renameProvider": _rename(client),
    }
    if client.capability("textDocument.diagnostic") is not None:
        offered["diagnosticProvider"] = {
            "identifier": "inhouse",
            "interFileDependencies": True,
            "workspaceDiagnostics": False,
        }
    if client.capability("textDocument.foldingRange") is not None:
        offered["foldingRangeProvider"] = True
    return offered


def _rename(client: EditorClient) -> Any:
    if client.can("textDocument.rename.prepareSupport"):
        return {"prepareProvider": True}
    return True
