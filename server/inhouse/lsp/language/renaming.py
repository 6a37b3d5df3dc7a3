"""Renames an agent wherever it is named."""

import re
from collections.abc import Iterator
from pathlib import Path

from pygls.exceptions import JsonRpcInvalidParams

from inhouse.core.json_values import Json
from inhouse.core.text import Position, Range
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.language.definition_document import DefinitionDocument
from inhouse.lsp.language.navigation import places_of_agent
from inhouse.lsp.language.references import mention_at, narrowed, own_ids, plain_id
from inhouse.lsp.language.related_files import site_at
from inhouse.lsp.language.text_edits import workspace_edit
from inhouse.wire import text_range

_ID = re.compile(r"[a-z0-9-]+")
_ROUTE = re.compile(r"""\bagents\s*=\s*(?P<q>["'])(?P<word>[a-z0-9_-]+)(?P=q)""")


def prepare(context: EditorContext, site: DefinitionDocument, position: Position) -> Json | None:
    """Return what would be renamed; None if there is no agent's name."""
    mention = mention_at(site, position)
    if mention is None or not _known(context, site, mention[0]):
        return None
    place = _bare(site, *mention)
    return {"range": text_range(place), "placeholder": site.slice(place)}


def rename(
    context: EditorContext, site: DefinitionDocument, position: Position, new: str
) -> Json | None:
    """Make the edit that renames an agent.  Raises `JsonRpcInvalidParams`."""
    mention = mention_at(site, position)
    if mention is None:
        return None
    old = plain_id(mention[0])
    _check(context, site, old, new)
    found = list(places_of_agent(context, site, old))
    places = [(other, _bare(other, other.slice(place), place)) for other, place, _ in found]
    if not any(is_own for _, _, is_own in found):
        message = f"No file contains the id {old!r}: it comes from a file's name, or is computed."
        raise JsonRpcInvalidParams(message)
    everything = (*places, *_routes(context, old))
    return workspace_edit(context, [(other, place, new) for other, place in everything])


def _check(context: EditorContext, site: DefinitionDocument, old: str, new: str) -> None:
    if _ID.fullmatch(new) is None:
        hint = re.sub(r"[^a-z0-9]+", "-", new.lower()).strip("-")
        also = f"  For example {hint!r}." if hint else ""
        message = f"{new!r} is not an id: use lower-case letters, digits and hyphens.{also}"
        raise JsonRpcInvalidParams(message)
    taken = context.host.agent_named(new)
    if new != old and taken is not None:
        known = context.host.world.catalog.agents[taken]
        message = f"{new!r} is taken: {context.name_of(known.source)} defines it."
        raise JsonRpcInvalidParams(message)
    if not _known(context, site, old):
        known_ids = ", ".join(sorted(context.host.world.catalog.agents)) or "none"
        raise JsonRpcInvalidParams(f"No agent {old!r}.  Agents: {known_ids}")


def _known(context: EditorContext, site: DefinitionDocument, name: str) -> bool:
    plain = plain_id(name)
    if any(plain_id(each) == plain for each, _ in own_ids(site)):
        return True
    return context.host.agent_named(name) is not None


def _bare(site: DefinitionDocument, name: str, place: Range) -> Range:
    """Return the id without publisher and version."""
    inner = name.rsplit("/", 1)[-1].split("@", 1)[0]
    start, end = site.span(place)
    at = site.text.find(inner, start + name.rfind("/") + 1, end)
    if at < 0:
        return narrowed(site, place, inner) or place
    return site.lines.range(at, at + len(inner))


def _routes(context: EditorContext, old: str) -> Iterator[tuple[DefinitionDocument, Range]]:
    """Return the workspace's routes that name exactly this agent."""
    for root in context.host.roots:
        site = site_at(context, Path(root, "inhouse.toml"))
        if site is None:
            continue
        for match in _ROUTE.finditer(site.text):
            if plain_id(match["word"]) == old:
                yield site, site.lines.range(*match.span("word"))
