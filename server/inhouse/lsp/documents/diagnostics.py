"""Problems and pending edits by line: several sources, one list for each file."""

from inhouse.core.json_values import Json
from inhouse.core.text import Range, Severity
from inhouse.lsp.transport.rpc import EditorRpc
from inhouse.wire import text_range

SEVERITY = {
    Severity.ERROR: 1,
    Severity.WARNING: 2,
    Severity.INFORMATION: 3,
    Severity.HINT: 4,
}


class Diagnostics:
    """Each source reports its complete view; the editor gets the union, and only changes."""

    def __init__(self, link: EditorRpc) -> None:
        self._link = link
        self._sources: dict[str, dict[str, list[Json]]] = {}
        self._sent: dict[str, list[Json]] = {}

    def show(self, source: str, found: dict[str, list[Json]]) -> None:
        """Replace everything that one source reported."""
        self._sources[source] = found
        uris = {uri for view in self._sources.values() for uri in view}
        for uri in uris | set(self._sent):
            self._send(uri)

    def at(self, uri: str) -> list[Json]:
        """Return the diagnostics that the editor shows for a file."""
        return self._sent.get(uri, [])

    def _send(self, uri: str) -> None:
        now = [each for view in self._sources.values() for each in view.get(uri, ())]
        if self._sent.get(uri, []) == now:
            return
        if now:
            self._sent[uri] = now
        else:
            self._sent.pop(uri, None)
        params = {"uri": uri, "diagnostics": now}
        self._link.notify("textDocument/publishDiagnostics", params)


def diagnostic(where: Range, severity: Severity, code: str, message: str, **more: object) -> Json:
    """Make LSP's `Diagnostic`."""
    return {
        "range": text_range(where),
        "severity": SEVERITY[severity],
        "code": code,
        "source": "inhouse",
        "message": message,
        **more,
    }
