"""Hover in definitions: a field, a tool, an agent, and where it would run."""

from inhouse.core.errors import InhouseError
from inhouse.core.json_values import Json
from inhouse.core.text import Position, Range
from inhouse.definitions.cursor import path_at
from inhouse.definitions.readers.cursor_place import Role, Whereabouts
from inhouse.definitions.readers.source_ranges import JsonPath
from inhouse.definitions.schema.fields import field_at
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.language.definition_document import DefinitionDocument
from inhouse.lsp.language.descriptions import agent_text, field_text, markup, route_text, tool_text
from inhouse.lsp.language.references import mention_at, tool_call_at
from inhouse.tools.specs import names, spec
from inhouse.wire import text_range

_ROUTED = frozenset({"model", "localProvider"})
_FORMATS = "textDocument.hover.contentFormat"


def hover(context: EditorContext, site: DefinitionDocument, position: Position) -> Json | None:
    """Return LSP's `Hover`, or None."""
    told = _told(context, site, position)
    if told is None:
        return None
    text, place = told
    contents = markup(context.client, text, _FORMATS)
    return {"contents": contents, "range": text_range(place)}


def _told(
    context: EditorContext, site: DefinitionDocument, position: Position
) -> tuple[str, Range] | None:
    tool = tool_call_at(site, position)
    if tool is not None and tool[0] in names():
        return tool_text(spec(tool[0])), tool[1]
    where = path_at(site.path, site.text, position)
    mention = mention_at(site, position)
    if mention is not None and (agent := context.host.agent_named(mention[0])) is not None:
        known = context.host.world.catalog.agents[agent]
        text = agent_text(known, context.name_of(known.source))
        if where is not None and where.path == ("id",):
            text = f"{text}\n\n{_route(context, agent)}"
        return text, mention[1]
    return _of_place(context, site, position, where) if where is not None else None


def _of_place(
    context: EditorContext, site: DefinitionDocument, position: Position, where: Whereabouts
) -> tuple[str, Range] | None:
    if where.role is Role.VALUE and where.path[:1] == ("toolNames",) and where.word in names():
        return tool_text(spec(where.word)), where.range
    if not where.word and where.role is Role.KEY:
        return None
    field = field_at(_shortest(where.path))
    if field is None:
        return None
    text = field_text(field)
    if where.path[0] in _ROUTED:
        found = site.found_at(position)
        name = found.values.get("id") if found is not None else None
        if isinstance(name, str):
            text = f"{text}\n\n---\n\n{_route(context, name)}"
    return text, where.range


def _shortest(path: JsonPath) -> JsonPath:
    """Return the shortest prefix of a path that is one of our fields."""
    for length in range(len(path), 0, -1):
        if field_at(path[:length]) is not None:
            return path[:length]
    return path[:1]


def _route(context: EditorContext, agent: str) -> str:
    try:
        return route_text(agent, context.host.explain(agent))
    except InhouseError as error:
        return str(error)
