"""What is wrong in definition files, at its line."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from inhouse.core.text import Problem
from inhouse.lsp.documents.diagnostics import Diagnostic, diagnostic
from inhouse.lsp.language.lints import advice
from inhouse.lsp.transport.client import to_uri

if TYPE_CHECKING:
    from inhouse.lsp.session import Session


def show(session: "Session") -> None:
    """Publish the problems of every definition, but for those that the client asks for itself."""
    found: dict[str, list[Diagnostic]] = {}
    for problem in (*session.host.world.catalog.every_problem, *_advice(session)):
        document = session.documents.find(problem.path)
        uri = to_uri(problem.path) if document is None else document.uri
        if uri in session.pulled:
            continue
        one = as_diagnostic(problem)
        if one not in found.setdefault(uri, []):
            found[uri].append(one)
    session.diagnostics.show("definitions", found)


def problems_of(session: "Session", path: Path) -> list[Problem]:
    """Give what is known of one file, each problem once."""
    every = session.host.world.catalog.every_problem
    mine = [problem for problem in every if problem.path == path]
    return list(dict.fromkeys([*mine, *advice(session, path)]))


def as_diagnostic(problem: Problem) -> Diagnostic:
    return diagnostic(problem.range, problem.severity, problem.code, problem.message)


def _advice(session: "Session") -> Iterator[Problem]:
    """About what is open; nobody reads hints about other files."""
    for document in session.documents:
        if document.path is not None:
            yield from advice(session, document.path)
