"""The outline of a definition file: its agents and their fields."""

from collections.abc import Iterator

from inhouse.core.json_values import Json, objects
from inhouse.core.text import Range
from inhouse.definitions.readers.parsed_values import ParsedDefinition
from inhouse.definitions.readers.source_ranges import SourceRange
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.language.definition_document import DefinitionDocument
from inhouse.wire import text_range

_CLASS, _PROPERTY, _FUNCTION, _BOOLEAN, _ARRAY, _OBJECT, _TEXT = 5, 7, 12, 17, 18, 19, 15
_SHOWN = 60


def symbols(context: EditorContext, site: DefinitionDocument) -> list[Json]:
    """Return each agent with its fields; flat if the client supports no tree."""
    tree = [agent for found in site.reading.found if (agent := _agent(found)) is not None]
    if context.client.can("textDocument.documentSymbol.hierarchicalDocumentSymbolSupport"):
        return tree
    return [flat for agent in tree for flat in _flat(site, agent)]


def _agent(found: ParsedDefinition) -> Json | None:
    whole = found.places.get(())
    if whole is None:
        return None
    name = found.values.get("id")
    title = found.values.get("displayName")
    own = found.places.get(("id",))
    chosen = own.value if own is not None and _holds(whole.value, own.value) else None
    start = Range(whole.value.start, whole.value.start)
    return {
        "name": name if isinstance(name, str) and name else "(no id)",
        "detail": title if isinstance(title, str) else "",
        "kind": _CLASS,
        "range": text_range(whole.value),
        "selectionRange": text_range(chosen or start),
        "children": list(_fields(found, whole.value)),
    }


def _fields(found: ParsedDefinition, whole: Range) -> Iterator[Json]:
    for path, place in found.places.items():
        if len(path) != 1 or place.key is None or not _holds(whole, place.key):
            continue
        if place.key.start == place.key.end:  # Derived: the file does not say it.
            continue
        name = str(path[0])
        value = found.values.get(name)
        yield {
            "name": name,
            "detail": _detail(value),
            "kind": _kind(name, value),
            "range": text_range(_extent(place, whole)),
            "selectionRange": text_range(place.key),
        }


def _extent(place: SourceRange, whole: Range) -> Range:
    """Return the range from the key to the value's end; a value elsewhere does not count."""
    key = place.key or place.value
    if _holds(whole, place.value) and key.end <= place.value.end:
        return Range(min(key.start, place.value.start), place.value.end)
    return key


def _holds(outer: Range, inner: Range) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def _detail(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        first = value.strip().split("\n", 1)[0]
        return first if len(first) <= _SHOWN else first[:_SHOWN] + "…"
    return ""


def _kind(name: str, value: object) -> int:
    if name == "handleSteps":
        return _FUNCTION
    kinds = ((bool, _BOOLEAN), (str, _TEXT), (list, _ARRAY), (dict, _OBJECT))
    return next((number for kind, number in kinds if isinstance(value, kind)), _PROPERTY)


def _flat(site: DefinitionDocument, agent: Json) -> Iterator[Json]:
    children = objects(agent["children"])
    for each, inside in ((agent, None), *((child, agent["name"]) for child in children)):
        yield {
            "name": each["name"],
            "kind": each["kind"],
            "location": {"uri": site.uri, "range": each["range"]},
            **({"containerName": inside} if inside is not None else {}),
        }
