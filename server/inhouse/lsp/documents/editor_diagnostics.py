"""What the editor's other servers and checkers report, if the client offers it.

LSP has no request for it, so a client says ``"offers": ["diagnostics"]`` in its
``initializationOptions`` and answers ``inhouse/diagnostics`` (docs/protocol.md).
"""

from inhouse.core.json_values import Json, fields, items
from inhouse.lsp.documents.diagnostics import SEVERITY
from inhouse.lsp.transport.client import to_path
from inhouse.lsp.transport.rpc import EditorError, EditorRpc

_PATIENCE = 10.0
"""Seconds that an editor may take to answer."""
_NAMES = {number: severity.value for severity, number in SEVERITY.items()}


async def reported(link: EditorRpc, uri: str | None) -> list[Json] | None:
    """Ask for the diagnostics of a file, or of all files if *uri* is None.

    Returns None if the client does not offer this or did not answer.
    """
    if "diagnostics" not in link.client.offers:
        return None
    params = {} if uri is None else {"uri": uri}
    try:
        answer = await link.request("inhouse/diagnostics", params, seconds=_PATIENCE)
    except (EditorError, TimeoutError):
        return None
    files = [fields(each) for each in items(answer)]
    return [
        plain(file.get("uri"), fields(each))
        for file in files
        for each in items(file.get("diagnostics"))
    ]


def plain(uri: object, diagnostic: Json) -> Json:
    """Convert an LSP `Diagnostic` to a tool's result; lines count from 1."""
    path = to_path(uri) if isinstance(uri, str) else None
    start = fields(fields(diagnostic.get("range")).get("start"))
    line, severity = start.get("line"), diagnostic.get("severity", 1)
    told: Json = {
        "path": str(path) if path is not None else None,
        "line": line + 1 if isinstance(line, int) else None,
        "severity": _NAMES.get(severity, "error") if isinstance(severity, int) else "error",
        "source": diagnostic.get("source"),
        "code": diagnostic.get("code"),
        "message": str(diagnostic.get("message", "")),
    }
    return {key: value for key, value in told.items() if value is not None}
