"""Finds where a file names an agent or a tool."""

import re
from collections.abc import Iterator

from inhouse.core.text import Position, Range
from inhouse.definitions.readers.parsed_values import ParsedDefinition
from inhouse.lsp.language.definition_document import (
    SCRIPTS,
    DefinitionDocument,
    is_inside,
    texts_of,
)

_TOOL_CALL = re.compile(r"""\btoolName["']?\s*:\s*(?P<q>['"`])(?P<word>[\w./-]+)(?P=q)""")
_AGENT_CALL = re.compile(
    r"""\b(?:agent_type|agentType|agentId)["']?\s*:\s*(?P<q>['"`])(?P<word>[\w./@-]+)(?P=q)"""
)
_LISTED = re.compile(
    r"""(?<=[\[,])\s*(?P<q>['"`])(?P<word>[\w./@-]+)(?P=q)(?=\s*(?:[,\]]|//|/\*))"""
)


def mention_at(site: DefinitionDocument, position: Position) -> tuple[str, Range] | None:
    """Return the agent's name at the cursor, and its range."""
    for name, place in mentions(site):
        if is_inside(position, place):
            return name, place
    return None


def mentions(site: DefinitionDocument) -> Iterator[tuple[str, Range]]:
    """Return every agent's name in a file: as an id, as spawnable, and in tool calls."""
    yield from own_ids(site)
    yield from references(site)


def own_ids(site: DefinitionDocument) -> Iterator[tuple[str, Range]]:
    """Return the ids that a file defines."""
    for found in site.reading.found:
        name, place = found.values.get("id"), found.places.get(("id",))
        if isinstance(name, str) and place is not None:
            narrow = narrowed(site, place.value, name)
            if narrow is not None:
                yield name, narrow


def references(site: DefinitionDocument) -> Iterator[tuple[str, Range]]:
    """Return names of agents that a file wants to spawn."""
    seen: set[Range] = set()
    for name, place in (*_spawnable(site), *_calls(site), *_helpers(site)):
        if place not in seen:
            seen.add(place)
            yield name, place


def tool_call_at(site: DefinitionDocument, position: Position) -> tuple[str, Range] | None:
    """Return the tool that ``handleSteps`` calls at a place."""
    if site.suffix not in SCRIPTS:
        return None
    line = site.lines.start(position.line)
    end = site.lines.offset(site.lines.line(position.line).end)
    for match in _TOOL_CALL.finditer(site.text, line, end):
        place = site.lines.range(*match.span("word"))
        if is_inside(position, place):
            return match["word"], place
    return None


def narrowed(site: DefinitionDocument, place: Range, name: str) -> Range | None:
    """Return the exact range of a name in a value; None if the text says something else."""
    start, end = site.span(place)
    at = site.text.find(name, start, end)
    if (
        at < 0
        or site.text[start:at].strip("'\"` ")
        or site.text[at + len(name) : end].strip("'\"` ")
    ):
        return None
    return site.lines.range(at, at + len(name))


def plain_id(name: str) -> str:
    """Return an id as look-ups compare it: without publisher and version, ``_`` like ``-``."""
    return name.rsplit("/", 1)[-1].split("@", 1)[0].strip().replace("_", "-")


def _spawnable(site: DefinitionDocument) -> Iterator[tuple[str, Range]]:
    for found in site.reading.found:
        yield from _listed(site, found)


def _listed(site: DefinitionDocument, found: ParsedDefinition) -> Iterator[tuple[str, Range]]:
    for name, place in texts_of(found, "spawnableAgents"):
        narrow = narrowed(site, place, name)
        if narrow is not None:
            yield name, narrow


def _calls(site: DefinitionDocument) -> Iterator[tuple[str, Range]]:
    """Return agents in calls of ``spawn_agents`` by ``handleSteps``."""
    if site.suffix in SCRIPTS:
        for match in _AGENT_CALL.finditer(site.text):
            yield match["word"], site.lines.range(*match.span("word"))


def _helpers(site: DefinitionDocument) -> Iterator[tuple[str, Range]]:
    """Return lists of names in a module that defines no agent itself."""
    if site.suffix in SCRIPTS and not site.reading.found:
        for match in _LISTED.finditer(site.text):
            yield match["word"], site.lines.range(*match.span("word"))
