"""What a module exports, by name, and its other effects."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from attrs import field, frozen

from inhouse.definitions.typescript.literal_calls import unwrap
from inhouse.definitions.typescript.module_scope import (
    Binding,
    BindingKind,
    ModuleScope,
    string_text,
)

if TYPE_CHECKING:
    from tree_sitter import Node

_HARMLESS = frozenset(
    {
        "import_statement",
        "export_statement",
        "lexical_declaration",
        "variable_declaration",
        "function_declaration",
        "generator_function_declaration",
        "class_declaration",
        "abstract_class_declaration",
        "enum_declaration",
        "interface_declaration",
        "type_alias_declaration",
        "ambient_declaration",
        "comment",
        "empty_statement",
        "hash_bang_line",
        "import_alias",
        "function_signature",
    }
)
_FUNCTIONS = frozenset({"function_declaration", "generator_function_declaration"})


@frozen(eq=False)
class Exports:
    """What a module exports, by name."""

    values: dict[str, "Node"] = field(factory=dict[str, "Node"])
    passed_on: dict[str, str] = field(factory=dict[str, str])
    """Name → the module it really comes from."""
    annotated: set[str] = field(factory=set[str])
    effects: list["Node"] = field(factory=list["Node"])
    """Statements with effects, which only an evaluation shows."""


def collect(statement: "Node", scope: ModuleScope, exports: Exports) -> None:
    """Record what one statement exports, or that it has an effect."""
    if statement.type == "export_statement":
        _collect_export(statement, scope, exports)
    elif statement.type == "expression_statement" and statement.named_children:
        inner = statement.named_children[0]
        if inner.type == "assignment_expression" and _collect_commonjs(inner, scope, exports):
            return
        if inner.type not in {"string", "internal_module"}:
            exports.effects.append(statement)
    elif statement.type not in _HARMLESS and statement.type.endswith("_statement"):
        exports.effects.append(statement)


def _collect_export(statement: "Node", scope: ModuleScope, exports: Exports) -> None:
    origin = statement.child_by_field_name("source")
    declaration = statement.child_by_field_name("declaration")
    value = statement.child_by_field_name("value")
    if any(child.type == "type" for child in statement.children):
        return
    clause = next((c for c in statement.named_children if c.type == "export_clause"), None)
    if clause is not None:
        for item in clause.named_children:
            _collect_specifier(item, string_text(origin, scope.source), scope, exports)
    elif origin is not None:
        exports.passed_on[f"* {len(exports.passed_on)}"] = string_text(origin, scope.source)
    elif value is not None or any(child.type == "=" for child in statement.children):
        target = value or statement.named_children[-1]
        _export("default", target, scope, exports)
    elif declaration is not None:
        _collect_declaration(statement, declaration, scope, exports)


def _collect_specifier(item: "Node", specifier: str, scope: ModuleScope, exports: Exports) -> None:
    name = item.child_by_field_name("name")
    if name is None:
        return
    exported = scope.text(item.child_by_field_name("alias") or name).strip("'\"")
    if specifier:
        exports.passed_on[exported] = specifier
    else:
        _export(exported, name, scope, exports)


def _collect_declaration(
    statement: "Node", declaration: "Node", scope: ModuleScope, exports: Exports
) -> None:
    if any(child.type == "default" for child in statement.children):
        exports.values["default"] = declaration
        return
    if declaration.type in _FUNCTIONS:
        if (name := declaration.child_by_field_name("name")) is not None:
            exports.values[scope.text(name)] = declaration
        return
    for declarator in declaration.named_children:
        name = declarator.child_by_field_name("name")
        value = declarator.child_by_field_name("value")
        if declarator.type != "variable_declarator" or name is None or value is None:
            continue
        if name.type != "identifier":  # export const { a, b } = …
            for leaf in _bound(name):
                exports.values[scope.text(leaf)] = leaf
        else:
            exports.values[scope.text(name)] = value
            if _is_annotated(value, scope, scope.bindings.get(scope.text(name))):
                exports.annotated.add(scope.text(name))


def _bound(pattern: "Node") -> Iterator["Node"]:
    """Yield the names that a destructuring pattern binds."""
    match pattern.type:
        case "identifier" | "shorthand_property_identifier_pattern":
            yield pattern
        case "pair_pattern":
            yield from _inside(pattern.child_by_field_name("value"))
        case "assignment_pattern" | "object_assignment_pattern":
            yield from _inside(pattern.child_by_field_name("left"))
        case _:
            for child in pattern.named_children:
                yield from _bound(child)


def _inside(pattern: "Node | None") -> Iterator["Node"]:
    if pattern is not None:
        yield from _bound(pattern)


def _collect_commonjs(assignment: "Node", scope: ModuleScope, exports: Exports) -> bool:
    """Collect ``module.exports = …`` and ``exports.name = …``."""
    left = assignment.child_by_field_name("left")
    right = assignment.child_by_field_name("right")
    if left is None or right is None or left.type != "member_expression":
        return False
    words = scope.text(left).split(".")
    if words == ["module", "exports"]:
        _export("default", right, scope, exports)
        return True
    if words[:-1] in (["exports"], ["module", "exports"]):
        _export(words[-1], right, scope, exports)
        return True
    return False


def _export(name: str, node: "Node", scope: ModuleScope, exports: Exports) -> None:
    """Record an exported expression; an exported bare import is only re-exported."""
    inner = unwrap(node)
    binding = scope.bindings.get(scope.text(inner)) if inner.type == "identifier" else None
    if binding is not None and binding.kind is BindingKind.IMPORT and binding.imported != "*":
        exports.passed_on[name] = binding.specifier
        return
    exports.values[name] = node
    if _is_annotated(node, scope, binding):
        exports.annotated.add(name)


def _is_annotated(node: "Node", scope: ModuleScope, binding: Binding | None) -> bool:
    """Return whether the type is ``AgentDefinition``, by ``satisfies``, ``as`` or ``:``."""
    if binding is not None and (
        binding.annotated or (binding.node is not None and _is_annotated(binding.node, scope, None))
    ):
        return True
    while node.type in {"as_expression", "satisfies_expression", "parenthesized_expression"}:
        if node.type != "parenthesized_expression" and "Definition" in scope.text(
            node.named_children[-1]
        ):
            return True
        node = node.named_children[0]
    return False
