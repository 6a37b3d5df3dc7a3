"""Goes from a name to its definition and to its references."""

from collections.abc import Iterator

from inhouse.core.json_values import Json
from inhouse.core.text import Position, Range
from inhouse.definitions.typescript.module_scope import BindingKind, bindings_of
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.language.definition_document import SCRIPTS, DefinitionDocument
from inhouse.lsp.language.imported_names import Declaration, declaration_at, declared, parsed, uses
from inhouse.lsp.language.references import mention_at, own_ids, plain_id, references
from inhouse.lsp.language.related_files import neighbours
from inhouse.wire import text_range


def definition(context: EditorContext, site: DefinitionDocument, position: Position) -> list[Json]:
    """Go from an agent's name to its ``id``, from an imported name to its declaration."""
    mention = mention_at(site, position)
    if mention is not None:
        return _agent(context, site, mention[0])
    found = declaration_at(context, site, position)
    return [] if found is None else [location(found.site, found.range)]


def find_references(
    context: EditorContext, site: DefinitionDocument, position: Position, *, declaration: bool
) -> list[Json]:
    """Find every use of an agent's id, or of a name that modules share."""
    mention = mention_at(site, position)
    if mention is not None:
        return [
            location(other, place)
            for other, place, is_own in places_of_agent(context, site, mention[0])
            if declaration or not is_own
        ]
    found = declaration_at(context, site, position)
    if found is None or not found.name:
        return []
    return list(_uses(context, site, found, declaration=declaration))


def places_of_agent(
    context: EditorContext, site: DefinitionDocument, name: str
) -> Iterator[tuple[DefinitionDocument, Range, bool]]:
    """Yield every place that names an agent, and whether it is its ``id``."""
    plain = plain_id(name)
    needles = (plain, plain.replace("-", "_"))
    for other in neighbours(context, site, context.host.world.folders, *needles):
        own = {place for each, place in own_ids(other) if plain_id(each) == plain}
        yield from ((other, place, True) for place in sorted(own))
        for each, place in references(other):
            if plain_id(each) == plain and place not in own:
                yield other, place, False


def location(site: DefinitionDocument, place: Range) -> Json:
    return {"uri": site.uri, "range": text_range(place)}


def _agent(context: EditorContext, site: DefinitionDocument, name: str) -> list[Json]:
    for each, place in own_ids(site):  # The text at hand is the most current, even if unsaved.
        if plain_id(each) == plain_id(name):
            return [location(site, place)]
    agent = context.host.agent_named(name)
    if agent is None:
        return []
    known = context.host.world.catalog.agents[agent]
    document = context.documents.find(known.source)
    uri = known.source.as_uri() if document is None else document.uri
    return [{"uri": uri, "range": text_range(known.range)}]


def _uses(
    context: EditorContext, site: DefinitionDocument, found: Declaration, *, declaration: bool
) -> Iterator[Json]:
    for other in _modules(context, site, found):
        for local in _names_for(context, other, found):
            for place in uses(other, local):
                here = other.path == found.site.path and place == found.range
                if declaration or not here:
                    yield location(other, place)


def _modules(
    context: EditorContext, site: DefinitionDocument, found: Declaration
) -> Iterator[DefinitionDocument]:
    stem = found.site.path.stem
    folders = context.host.world.folders
    seen = {found.site.path}
    yield found.site
    needles = (found.name, stem, found.site.path.parent.name)
    for other in neighbours(context, site, folders, *needles):
        if other.path not in seen and other.suffix in SCRIPTS:
            seen.add(other.path)
            yield other


def _names_for(
    context: EditorContext, other: DefinitionDocument, found: Declaration
) -> Iterator[str]:
    """Return a module's names for a declaration."""
    if other.path == found.site.path:
        yield found.name
        return
    source = parsed(other)
    for name, binding in bindings_of(source).items():
        if binding.kind is not BindingKind.IMPORT or binding.imported == "*":
            continue
        same = declared(context, other, source, name)
        if same is not None and same.site.path == found.site.path and same.range == found.range:
            yield name
