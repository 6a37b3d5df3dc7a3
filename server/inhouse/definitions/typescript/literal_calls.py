"""Calls that can be read like literals: joined or trimmed strings."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from inhouse.core.text import Problem, Severity
from inhouse.definitions.readers.parsed_values import UNDEFINED, UNKNOWN, Literal
from inhouse.definitions.typescript.js_values import as_text
from inhouse.definitions.typescript.module_scope import ModuleScope

if TYPE_CHECKING:
    from tree_sitter import Node

    ReadExpression = Callable[[Node, ModuleScope, int], Literal]

_LONGEST = 4_000_000
_WRAPPERS = frozenset(
    {
        "parenthesized_expression",
        "as_expression",
        "satisfies_expression",
        "non_null_expression",
        "type_assertion",
    }
)
_TRIMS: Mapping[str, Callable[[str], str]] = {
    "trim": str.strip,
    "trimStart": str.lstrip,
    "trimEnd": str.rstrip,
}


def read_call(
    node: "Node", scope: ModuleScope, depth: int, read_expression: "ReadExpression"
) -> Literal:
    """Read ``[…].join(', ')`` and ``'…'.trim()``; every other call needs an evaluation."""
    function = node.child_by_field_name("function")
    arguments = node.child_by_field_name("arguments")
    if function is None or arguments is None:
        return _unknown(node, scope)
    called = unwrap(function)
    while called.type == "call_expression":
        called = unwrap(called.child_by_field_name("function") or called.children[0])
    if called.type in {"template_string", "string"}:
        if not node.has_error:
            scope.tell(_called_text(called, scope))
        return _unknown(node, scope)
    target = function.child_by_field_name("object")
    name = function.child_by_field_name("property")
    if function.type != "member_expression" or target is None or name is None:
        return _unknown(node, scope)
    method = scope.text(name)
    given = [read_expression(child, scope, depth) for child in arguments.named_children]
    if method in _TRIMS and not given:
        text = read_expression(target, scope, depth)
        value = _TRIMS[method](text.value) if isinstance(text.value, str) else UNKNOWN
        return Literal(value, scope.range(node) if value is not UNKNOWN else text.range)
    if method == "join" and len(given) <= 1:
        return _join(node, read_expression(target, scope, depth), given, scope)
    return _unknown(node, scope)


def _join(node: "Node", items: Literal, given: list[Literal], scope: ModuleScope) -> Literal:
    separator = given[0].value if given else ","
    if items.items is None or items.partial is not None or not isinstance(separator, str):
        return Literal(UNKNOWN, items.partial or scope.range(node))
    parts: list[str] = []
    for item in items.items:
        value = _scalar(item)
        text = "" if value is None or value is UNDEFINED else as_text(value)
        if not isinstance(text, str):
            return Literal(UNKNOWN, item.range)
        parts.append(text)
    if sum(map(len, parts)) + len(separator) * len(parts) > _LONGEST:
        return _unknown(node, scope)
    return Literal(separator.join(parts), scope.range(node))


def unwrap(node: "Node") -> "Node":
    """Remove parentheses and TypeScript's additions from an expression."""
    while node.type in _WRAPPERS and node.named_children:
        inner = [child for child in node.named_children if child.type != "comment"]
        if not inner:
            return node
        node = inner[-1] if node.type == "type_assertion" else inner[0]
    return node


def _scalar(literal: Literal) -> Any:
    return literal.value if literal.fields is None and literal.items is None else UNKNOWN


def _unknown(node: "Node", scope: ModuleScope) -> Literal:
    return Literal(UNKNOWN, scope.range(node))


def _called_text(node: "Node", scope: ModuleScope) -> Problem:
    end = node.end_byte // 2
    place = scope.source.span(end - 1, end)
    message = "This backtick ends the template text.  Write \\` inside of one."
    return Problem(scope.path, place, Severity.ERROR, "unescaped-backtick", message)
