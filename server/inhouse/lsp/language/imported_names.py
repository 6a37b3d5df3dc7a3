"""Names of a module: where each is declared, here or in the module it comes from."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from attrs import frozen

from inhouse.core.text import Position, Range
from inhouse.definitions.typescript.module_scope import (
    BindingKind,
    bindings_of,
    string_text,
    top_level,
)
from inhouse.definitions.typescript.parsing import Source, leaves, parse_tsx, parse_typescript
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.language.definition_document import SCRIPTS, DefinitionDocument, is_inside
from inhouse.lsp.language.related_files import module_of

if TYPE_CHECKING:
    from tree_sitter import Node


_NAMES = frozenset({"identifier", "shorthand_property_identifier", "type_identifier"})
_DEEPEST = 8


@frozen(eq=False)
class Declaration:
    """Where a name comes from."""

    site: DefinitionDocument
    name: str
    """Its name in the other module; ``default`` if it has none."""
    range: Range


def parsed(site: DefinitionDocument) -> Source:
    return parse_tsx(site.text) if site.suffix == ".tsx" else parse_typescript(site.text)


def declaration_at(
    context: EditorContext, site: DefinitionDocument, position: Position
) -> Declaration | None:
    """Return what the name or module at a place refers to.  Blocks."""
    if site.suffix not in SCRIPTS:
        return None
    source = parsed(site)
    leaf = _leaf(source, position)
    if leaf is None:
        return None
    statement = _statement(leaf)
    specifier = statement.child_by_field_name("source") if statement is not None else None
    if specifier is not None and is_inside(position, source.range(specifier)):
        module = module_of(context, site, string_text(specifier, source))
        return None if module is None else Declaration(module, "", module.lines.range(0, 0))
    if leaf.type not in _NAMES:
        return None
    name = source.text(leaf)
    if statement is not None and statement.type == "import_statement":
        name = _local_name(leaf, source)
    return declared(context, site, source, name)


def declared(
    context: EditorContext, site: DefinitionDocument, source: Source, name: str, depth: int = 0
) -> Declaration | None:
    """Return where a name of a module is declared.  Blocks."""
    binding = bindings_of(source).get(name)
    if binding is None or depth > _DEEPEST:
        return None
    if binding.kind is not BindingKind.IMPORT:
        place = _declared_here(source, name)
        return None if place is None else Declaration(site, name, place)
    return _elsewhere(context, site, binding.specifier, binding.imported, depth)


def uses(site: DefinitionDocument, name: str) -> Iterator[Range]:
    """Return every place where a name occurs, judged by single words."""
    source = parsed(site)
    for leaf in leaves(source.root):
        if leaf.type in _NAMES and source.text(leaf) == name:
            yield source.range(leaf)


def _elsewhere(
    context: EditorContext, site: DefinitionDocument, specifier: str, name: str, depth: int
) -> Declaration | None:
    module = module_of(context, site, specifier)
    if module is None:
        return None
    if module.suffix not in SCRIPTS or name == "*":
        return Declaration(module, "", module.lines.range(0, 0))
    return _exported(context, module, name, depth + 1)


def _exported(
    context: EditorContext, module: DefinitionDocument, name: str, depth: int
) -> Declaration | None:
    source = parsed(module)
    for statement in top_level(source.root):
        if statement.type != "export_statement":
            continue
        origin = statement.child_by_field_name("source")
        local = _passed_on(statement, source, name)
        if origin is not None and local is not None and depth <= _DEEPEST:
            found = _elsewhere(context, module, string_text(origin, source), local, depth)
            if found is not None:
                return found
        elif local is not None:
            return declared(context, module, source, local, depth)
        if name == "default" and any(child.type == "default" for child in statement.children):
            return _default(context, module, source, statement, depth)
    return declared(context, module, source, name, depth)


def _passed_on(statement: "Node", source: Source, name: str) -> str | None:
    """Return the inner name that ``export { inside as name }`` or ``export *`` exports."""
    for child in statement.named_children:
        if child.type == "export_clause":
            for item in child.named_children:
                inside = item.child_by_field_name("name")
                outside = item.child_by_field_name("alias") or inside
                if inside is not None and outside is not None and source.text(outside) == name:
                    return source.text(inside)
    everything = any(child.type == "*" for child in statement.children)
    return name if everything and name != "default" else None


def _default(
    context: EditorContext,
    module: DefinitionDocument,
    source: Source,
    statement: "Node",
    depth: int,
) -> Declaration:
    value = statement.child_by_field_name("value")
    if value is not None and value.type == "identifier":
        known = declared(context, module, source, source.text(value), depth)
        if known is not None:
            return known
    node = statement.child_by_field_name("declaration")
    name = node.child_by_field_name("name") if node is not None else None
    return Declaration(module, "default", source.range(name or value or statement))


def _declared_here(source: Source, name: str) -> Range | None:
    for statement in top_level(source.root):
        inner = statement.child_by_field_name("declaration") or statement
        for node in (inner, *inner.named_children):
            label = node.child_by_field_name("name")
            if label is not None and source.text(label) == name:
                return source.range(label)
    return None


def _leaf(source: Source, position: Position) -> "Node | None":
    """Return the word at a place; if two touch it, the one that is a name."""
    touching = [one for one in leaves(source.root) if is_inside(position, source.range(one))]
    names = [one for one in touching if one.type in _NAMES]
    return (names or touching or [None])[0]


def _statement(leaf: "Node") -> "Node | None":
    node: Node | None = leaf
    while node is not None and node.type not in {"import_statement", "export_statement"}:
        node = node.parent
    return node


def _local_name(leaf: "Node", source: Source) -> str:
    """Return the local name: in ``import { there as here }`` both names mean ``here``."""
    parent = leaf.parent
    alias = parent.child_by_field_name("alias") if parent is not None else None
    return source.text(alias or leaf)
