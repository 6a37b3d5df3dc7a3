"""Problems in definition files by line: published, or returned to a client that asks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inhouse.core.json_values import Json
from inhouse.core.text import Problem
from inhouse.lsp.documents.diagnostics import diagnostic
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.language.lints import advice


class DefinitionDiagnostics:
    """Publishes problems, except for documents whose diagnostics the client pulls."""

    def __init__(self, context: EditorContext) -> None:
        self._context = context
        self._pulled: set[str] = set()

    def show(self) -> None:
        """Publish the problems of every definition."""
        context = self._context
        found: dict[str, list[Json]] = {}
        for problem in (*context.host.world.catalog.every_problem, *self._advice()):
            uri = context.documents.uri_of(problem.path)
            if uri in self._pulled:
                continue
            one = as_diagnostic(problem)
            if one not in found.setdefault(uri, []):
                found[uri].append(one)
        context.diagnostics.show("definitions", found)

    def pull(self, params: Any) -> Json:
        """Answer ``textDocument/diagnostic`` about the text that is in the editor now."""
        document = self._context.documents.get(params.text_document.uri)
        if document is None or document.path is None:
            return {"kind": "full", "items": []}
        if document.uri not in self._pulled:
            self._pulled.add(document.uri)
            self.show()
        found = problems_of(self._context, document.path)
        return {"kind": "full", "items": [as_diagnostic(each) for each in found]}

    def refresh(self) -> None:
        """Tell the client to ask again, if it has asked before."""
        context = self._context
        self._pulled &= {document.uri for document in context.documents}
        if self._pulled and context.client.can("workspace.diagnostics.refreshSupport"):
            context.rpc.ask("workspace/diagnostic/refresh", None)

    def _advice(self) -> Iterator[Problem]:
        """Return hints about open documents; nobody reads hints about other files."""
        for document in self._context.documents:
            if document.path is not None:
                yield from advice(self._context, document.path)


def problems_of(context: EditorContext, path: Path) -> list[Problem]:
    """Return what is known of one file, each problem once."""
    every = context.host.world.catalog.every_problem
    mine = [problem for problem in every if problem.path == path]
    return list(dict.fromkeys([*mine, *advice(context, path)]))


def as_diagnostic(problem: Problem) -> Json:
    return diagnostic(problem.range, problem.severity, problem.code, problem.message)
