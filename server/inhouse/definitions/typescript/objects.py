"""Object literals, property by property."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import field, frozen

from inhouse.core.text import Problem, Range, Severity
from inhouse.definitions.readers.parsed_values import UNKNOWN, FunctionText, Literal, ParsedEntry
from inhouse.definitions.typescript.js_values import number_value, string_value
from inhouse.definitions.typescript.module_scope import ModuleScope
from inhouse.definitions.typescript.syntax import syntax_error

if TYPE_CHECKING:
    from tree_sitter import Node

    ReadExpression = Callable[[Node, ModuleScope, int], Literal]

_NOT_PROPERTIES = frozenset({"{", "}", ",", "comment"})
_TWO_PAIRS = 3
"""Value, key and colon: what remains if a comma is missing between two pairs."""


@frozen(eq=False)
class _Object:
    scope: ModuleScope
    depth: int
    read_expression: "ReadExpression"
    fields: dict[str, ParsedEntry] = field(factory=dict[str, ParsedEntry])
    own: dict[str, Range] = field(factory=dict[str, Range])
    """Keys written in this object itself, not those of a spread."""

    def read(self, node: "Node") -> Literal:
        return self.read_expression(node, self.scope, self.depth)

    def set(self, name: str, key: "Node", value: Literal) -> None:
        if name == "__proto__":
            return
        if name in self.own:
            message = f"`{name}` is given twice: the first one has no effect."
            problem = Problem(
                self.scope.path, self.own[name], Severity.WARNING, "duplicate-key", message
            )
            self.scope.tell(problem)
        self.own[name] = place = self.scope.range(key)
        self.fields[name] = ParsedEntry(place, value)


def read_object(
    node: "Node", scope: ModuleScope, depth: int, read_expression: "ReadExpression"
) -> Literal:
    """Read an object literal, or what remains of one in broken text."""
    return read_properties(node, node.children, scope, depth, read_expression)


def read_properties(
    whole: "Node",
    children: "list[Node]",
    scope: ModuleScope,
    depth: int,
    read_expression: "ReadExpression",
) -> Literal:
    target = _Object(scope, depth, read_expression)
    partial: Range | None = None
    before = ""
    for child in children:
        if child.type == "," and before in {",", "{"}:
            what = "Syntax error: a comma too many."
            scope.tell(syntax_error(scope.path, scope.range(child), what))
        if child.type != "comment":
            before = child.type
        if child.type not in _NOT_PROPERTIES:
            partial = _property(child, target) or partial
    return Literal(None, scope.range(whole), fields=target.fields, partial=partial)


def _property(node: "Node", target: _Object) -> Range | None:
    """Read one property; return the reason if only an evaluation shows it."""
    match node.type:
        case "pair":
            return _pair(node, target)
        case "shorthand_property_identifier":
            target.set(target.scope.text(node), node, target.read(node))
            return None
        case "method_definition":
            return _method(node, target)
        case "spread_element":
            return _spread(node, target)
        case _:
            return None  # broken text: the syntax error is reported elsewhere


def _spread(node: "Node", target: _Object) -> Range | None:
    spread = target.read(node.named_children[0])
    if spread.fields is not None:
        target.fields.update(spread.fields)
        return spread.partial
    return target.scope.range(node) if spread.value is UNKNOWN else None


def _pair(node: "Node", target: _Object) -> Range | None:
    key, value = node.child_by_field_name("key"), node.child_by_field_name("value")
    if key is None:
        return None
    name = _key_name(key, target)
    if name is None:
        return target.scope.range(key)
    errors = [child for child in node.children if child.is_error]
    if errors and len(errors[0].children) == _TWO_PAIRS:
        first, second, _colon = errors[0].children
        target.set(name, key, target.read(first))
        key, name = second, target.scope.text(second).strip("'\"")
    elif errors or value is None or value.is_missing:
        return None
    if value is not None:
        target.set(name, key, target.read(value))
    return None


def _method(node: "Node", target: _Object) -> Range | None:
    key = node.child_by_field_name("name")
    if key is None:
        return None
    place = target.scope.range(node)
    name = _key_name(key, target)
    if name is None:
        return place
    if any(child.type in {"get", "set"} for child in node.children):
        target.set(name, key, Literal(UNKNOWN, place))
        return place
    target.set(name, key, Literal(FunctionText(target.scope.text(node), place), place))
    return None


def _key_name(key: "Node", target: _Object) -> str | None:
    match key.type:
        case "string":
            return string_value(key, target.scope.source)
        case "number":
            return str(number_value(target.scope.text(key)))
        case "computed_property_name":
            inner = target.read(key.named_children[0]).value
            return inner if isinstance(inner, str) else None
        case _:
            return target.scope.text(key)
