"""Lenses and actions on the line of an agent's id: run it, show where it would run."""

from collections.abc import Iterator

from inhouse.core.json_values import Json
from inhouse.core.text import Position, Range
from inhouse.lsp.contract.command_names import Command
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.features.code_actions import action
from inhouse.lsp.features.code_lenses import lens
from inhouse.lsp.language.definition_document import DefinitionDocument

_SOURCE = "source.inhouse"


def agent_lenses(context: EditorContext, site: DefinitionDocument) -> list[Json]:
    """Return the lenses of every agent that a file defines."""
    return [
        lens(Range(place.start, place.start), title, command, argument)
        for name, place, usable in _agents(context, site)
        for title, command, argument in _offers(name, usable=usable)
    ]


def agent_actions(context: EditorContext, site: DefinitionDocument, where: Range) -> list[Json]:
    """Return the same as actions, for clients that draw no lenses."""
    names = list(_agents(context, site))
    found = site.found_at(where.start)
    here = found.values.get("id") if found is not None else None
    return [
        action(_SOURCE, f"{title} ({name})" if len(names) > 1 else title, command, argument)
        for name, place, usable in names
        if name == here or place.start.line == where.start.line
        for title, command, argument in _offers(name, usable=usable)
    ]


def _offers(name: str, *, usable: bool) -> Iterator[tuple[str, str, Json]]:
    if usable:
        yield "Run", Command.RUN, {"agent": name}
    yield "Explain route", Command.EXPLAIN, {"agent": name, "show": True}
    yield "Check endpoint", Command.ENDPOINTS, {"check": True, "agent": name}


def _agents(context: EditorContext, site: DefinitionDocument) -> Iterator[tuple[str, Range, bool]]:
    """Return a file's effective agents, with the ranges of their ids."""
    agents = context.host.world.catalog.agents
    for found in site.reading.found:
        name, place = found.values.get("id"), found.places.get(("id",))
        if not isinstance(name, str) or place is None:
            continue
        known = agents.get(name)
        if known is not None and known.source == site.path:
            yield name, place.value, known.definition is not None
    if not site.reading.found:
        for known in agents.values():
            if known.source == site.path:  # A computed id is known only by evaluation.
                start = known.range.start
                line = Range(Position(start.line, 0), start)
                yield known.id, line, known.definition is not None
