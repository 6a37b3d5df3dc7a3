"""The capabilities that the server advertises.

Built here and not by pygls, which advertises no ``workspace/textDocumentContent``, takes the
client's position encoding and is not imported yet when ``initialize`` is answered.
"""

from collections.abc import Sequence
from typing import Any

from inhouse import __version__
from inhouse.lsp.transport.client import EditorClient

TRANSCRIPT_SCHEME = "inhouse-run"
SESSION_SCHEME = "inhouse-session"
PROPOSAL_SCHEME = "inhouse-proposal"
SCHEMA_SCHEME = "inhouse-schema"
PROMPT_SCHEME = "inhouse-prompt"
"""A document of the client's own, in which the user writes a prompt."""
SCHEMES = (TRANSCRIPT_SCHEME, SESSION_SCHEME, PROPOSAL_SCHEME, SCHEMA_SCHEME)


def initialize_result(client: EditorClient, commands: Sequence[str]) -> dict[str, Any]:
    """Answer ``initialize``; *commands* are those that cannot be registered later."""
    return {
        "capabilities": server_capabilities(client, commands),
        "serverInfo": {"name": "inhouse", "version": __version__},
    }


def server_capabilities(client: EditorClient, commands: Sequence[str]) -> dict[str, Any]:
    workspace: dict[str, Any] = {
        "workspaceFolders": {"supported": True, "changeNotifications": True}
    }
    if client.can("workspace.textDocumentContent"):
        workspace["textDocumentContent"] = {"schemes": list(SCHEMES)}
    if client.can("workspace.fileOperations.didRename"):
        every = {"scheme": "file", "pattern": {"glob": "**"}}
        workspace["fileOperations"] = {"didRename": {"filters": [every]}}
    return {
        "positionEncoding": "utf-16",
        "textDocumentSync": {
            "openClose": True,
            "change": 2,
            "save": {"includeText": False},
        },
        "executeCommandProvider": {"commands": list(commands), "workDoneProgress": True},
        "codeActionProvider": code_action_provider(client),
        "codeLensProvider": {"resolveProvider": False},
        "workspace": workspace,
        **language_capabilities(client),
    }


def code_action_provider(client: EditorClient) -> Any:
    """List the kinds only if the client supports literals; otherwise it expects plain commands."""
    if client.can("textDocument.codeAction.codeActionLiteralSupport"):
        return {"codeActionKinds": ["quickfix", "refactor", "source"]}
    return True


def language_capabilities(client: EditorClient) -> dict[str, Any]:
    """Return the providers for definition files and for documents that Inhouse writes."""
    prepares = client.can("textDocument.rename.prepareSupport")
    offered: dict[str, Any] = {
        "completionProvider": {"triggerCharacters": ["'", '"', "`", "{", "[", "/", "-", "@"]},
        "hoverProvider": True,
        "definitionProvider": True,
        "referencesProvider": True,
        "documentSymbolProvider": True,
        "renameProvider": {"prepareProvider": True} if prepares else True,
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
