"""What is wrong in definition files, at its line."""

from typing import TYPE_CHECKING

from inhouse.lsp.client import to_uri
from inhouse.lsp.diagnostics import Diagnostic, diagnostic

if TYPE_CHECKING:
    from inhouse.lsp.session import Session


def show(session: "Session") -> None:
    """Publish the problems of every definition."""
    catalog = session.host.world.catalog
    found: dict[str, list[Diagnostic]] = {}
    for problem in (*catalog.problems, *(p for agent in catalog.all for p in agent.problems)):
        document = session.documents.find(problem.path)
        uri = to_uri(problem.path) if document is None else document.uri
        one = diagnostic(problem.range, problem.severity, problem.code, problem.message)
        if one not in found.setdefault(uri, []):
            found[uri].append(one)
    session.diagnostics.show("definitions", found)
