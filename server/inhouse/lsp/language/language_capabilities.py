"""What of this the server advertises.  Imports nothing: ``initialize`` waits for it."""

from typing import Any

from inhouse.lsp.transport.client import Client


def language_capabilities(client: Client) -> dict[str, Any]:
    """Give the providers of definition files."""
    offered: dict[str, Any] = {
        "completionProvider": {"triggerCharacters": ["'", '"', "`", "{", "[", "/", "-"]},
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
    return offered


def _rename(client: Client) -> Any:
    if client.can("textDocument.rename.prepareSupport"):
        return {"prepareProvider": True}
    return True
