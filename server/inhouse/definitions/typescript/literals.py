"""Expressions that can be read like literals, without being run."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from inhouse.core.json_values import is_number
from inhouse.core.text import Problem, Range, Severity
from inhouse.definitions.readers.parsed_values import (
    DEEPEST,
    UNDEFINED,
    UNKNOWN,
    FunctionText,
    Literal,
)
from inhouse.definitions.typescript.arithmetic import binary_value, is_missing
from inhouse.definitions.typescript.global_names import is_global
from inhouse.definitions.typescript.js_values import (
    as_text,
    fragment,
    is_true,
    number_value,
    string_value,
    whole_text,
)
from inhouse.definitions.typescript.literal_calls import read_call, unwrap
from inhouse.definitions.typescript.module_scope import BindingKind, ModuleScope
from inhouse.definitions.typescript.objects import read_object

if TYPE_CHECKING:
    from tree_sitter import Node

Reader = Callable[["Node", ModuleScope, int], Literal]

_LONGEST = 4_000_000
_FUNCTIONS = frozenset(
    {
        "function_expression",
        "generator_function",
        "arrow_function",
        "function_declaration",
        "generator_function_declaration",
        "class_declaration",
        "class",
    }
)


def read_expression(node: "Node", scope: ModuleScope, depth: int = 0) -> Literal:
    """Return an expression's value; `UNKNOWN` if only an evaluation shows it."""
    node = unwrap(node)
    if depth > DEEPEST:
        if all(problem.code != "too-deep" for problem in scope.problems):
            scope.tell(_too_deep(node, scope))
        return _unknown(node, scope)
    if not scope.spend():
        return _unknown(node, scope)
    if node.type in _FUNCTIONS:
        place = scope.range(node)
        return Literal(FunctionText(_function_text(node, scope), place), place)
    reader = _READERS.get(node.type)
    return reader(node, scope, depth + 1) if reader is not None else _unknown(node, scope)


def _function_text(node: "Node", scope: ModuleScope) -> str:
    """Return the source; a generator's begins with ``function*``, however it is spelled."""
    text = scope.text(node)
    first = node.children[0] if node.children else None
    star = next((child for child in node.children if child.type == "*"), None)
    if first is None or first.type != "function" or star is None:
        return text
    # As Codebuff's loader prints it.  The rest keeps its lines and columns.
    between = scope.source.slice(first.end_byte, star.start_byte)
    rest = scope.source.slice(star.end_byte, node.end_byte)
    return f"function*{between}{rest}"


def _constant(value: object) -> Reader:
    def read(node: "Node", scope: ModuleScope, _depth: int) -> Literal:
        return Literal(value, scope.range(node))

    return read


def _string(node: "Node", scope: ModuleScope, _depth: int) -> Literal:
    return Literal(string_value(node, scope.source), scope.range(node))


def _number(node: "Node", scope: ModuleScope, _depth: int) -> Literal:
    return Literal(number_value(scope.text(node)), scope.range(node))


def _template(node: "Node", scope: ModuleScope, depth: int) -> Literal:
    parts: list[str] = []
    missing: Range | None = None
    for child in node.children[1:-1]:
        if child.type != "template_substitution":
            parts.append(fragment(child, scope.source))
            continue
        inner = [part for part in child.named_children if part.type != "comment"]
        value = read_expression(inner[0], scope, depth) if inner else None
        text = as_text(_scalar(value)) if value is not None else UNKNOWN
        if isinstance(text, str):
            parts.append(text)
        else:
            missing = missing or scope.range(inner[0] if inner else child)
    if missing is not None or sum(map(len, parts)) > _LONGEST:
        return Literal(UNKNOWN, missing or scope.range(node))
    return Literal(whole_text("".join(parts)), scope.range(node))


def _array(node: "Node", scope: ModuleScope, depth: int) -> Literal:
    items: list[Literal] = []
    partial: Range | None = None
    for child in node.named_children:
        if child.type == "comment" or child.is_error:
            continue
        if child.type != "spread_element":
            items.append(read_expression(child, scope, depth))
            continue
        spread = read_expression(child.named_children[0], scope, depth)
        if spread.items is None:
            partial = partial or scope.range(child)
        else:
            items.extend(spread.items)
            partial = partial or spread.partial
        if len(items) > _LONGEST // 100:
            return _unknown(node, scope)
    return Literal(None, scope.range(node), items=tuple(items), partial=partial)


def _object(node: "Node", scope: ModuleScope, depth: int) -> Literal:
    return read_object(node, scope, depth, read_expression)


def _identifier(node: "Node", scope: ModuleScope, depth: int) -> Literal:
    name = scope.text(node)
    binding = scope.bindings.get(name)
    if name == "undefined":
        return Literal(UNDEFINED, scope.range(node))
    if binding is None:
        if not is_global(name) and not node.is_missing:
            scope.tell(_undefined_name(name, node, scope))
        return _unknown(node, scope)
    known = binding.kind in {BindingKind.CONST, BindingKind.FUNCTION}
    if binding.node is None or not known or name in scope.reading:
        return _unknown(node, scope)
    literal = scope.known.get(name)
    if literal is None:
        scope.reading.add(name)
        try:
            literal = read_expression(binding.node, scope, depth)
        finally:
            scope.reading.discard(name)
        scope.known[name] = literal
    if literal.fields is not None or literal.items is not None:
        return literal
    return Literal(literal.value, scope.range(node))


def _unary(node: "Node", scope: ModuleScope, depth: int) -> Literal:
    argument = node.child_by_field_name("argument")
    operator = node.child_by_field_name("operator")
    value = _scalar(read_expression(argument, scope, depth)) if argument is not None else UNKNOWN
    sign = scope.text(operator) if operator is not None else ""
    result: Any = UNKNOWN
    if is_number(value) and sign in {"-", "+"}:
        result = -value if sign == "-" else value
    elif sign == "!" and not is_missing(value):
        result = not is_true(value)
    elif sign == "void" and not is_missing(value):
        result = UNDEFINED
    return Literal(result, scope.range(node))


def _binary(node: "Node", scope: ModuleScope, depth: int) -> Literal:
    """Read a chain of operators without left recursion, since prompts are long sums."""
    chain: list[tuple[str, Node]] = []
    while node.type == "binary_expression":
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        operator = node.child_by_field_name("operator")
        if left is None or right is None or operator is None:
            return _unknown(node, scope)
        chain.append((scope.text(operator), right))
        node = unwrap(left)
    first = chain[-1][1] if chain else node
    result = read_expression(node, scope, depth)
    value, start = _scalar(result), scope.range(node).start
    missing = result.range if value is UNKNOWN else None
    end = scope.range(chain[0][1]).end if chain else scope.range(first).end
    for operator_text, right in reversed(chain):
        if not scope.spend():
            value = UNKNOWN
            break
        other = _scalar(read_expression(right, scope, depth))
        if other is UNKNOWN and missing is None:
            missing = scope.range(right)
        value = binary_value(operator_text, value, other)
        if isinstance(value, str) and len(value) > _LONGEST:
            value = UNKNOWN
    place = Range(start, end)
    return Literal(value, missing or place if value is UNKNOWN else place)


def _ternary(node: "Node", scope: ModuleScope, depth: int) -> Literal:
    condition = node.child_by_field_name("condition")
    value = _scalar(read_expression(condition, scope, depth)) if condition else UNKNOWN
    if is_missing(value):
        return _unknown(node, scope)
    taken = node.child_by_field_name("consequence" if is_true(value) else "alternative")
    return read_expression(taken, scope, depth) if taken is not None else _unknown(node, scope)


def _member(node: "Node", scope: ModuleScope, depth: int) -> Literal:
    """Read ``CONSTANTS.name`` and ``CONSTANTS['name']``."""
    target = node.child_by_field_name("object")
    name = node.child_by_field_name("property") or node.child_by_field_name("index")
    if target is None or name is None or node.child_by_field_name("optional_chain") is not None:
        return _unknown(node, scope)
    if scope.text(target) == "process.env" and "process" not in scope.bindings:
        scope.tell(_no_environment(node, scope))
        return Literal(UNDEFINED, scope.range(node))
    key: Any = scope.text(name)
    if node.type == "subscript_expression":
        key = read_expression(name, scope, depth).value
    container = read_expression(target, scope, depth)
    if container.fields is not None and container.partial is None and key in container.fields:
        literal = container.fields[key].value
    elif container.items is not None and container.partial is None and isinstance(key, int):
        literal = container.items[key] if 0 <= key < len(container.items) else None
    else:
        literal = None
    return literal if literal is not None else _unknown(node, scope)


def _call(node: "Node", scope: ModuleScope, depth: int) -> Literal:
    return read_call(node, scope, depth, read_expression)


def _scalar(literal: Literal) -> Any:
    return literal.value if literal.fields is None and literal.items is None else UNKNOWN


def _unknown(node: "Node", scope: ModuleScope) -> Literal:
    return Literal(UNKNOWN, scope.range(node))


def _too_deep(node: "Node", scope: ModuleScope) -> Problem:
    message = f"Nested more than {DEEPEST} levels deep: nothing below this is read."
    return Problem(scope.path, scope.range(node), Severity.ERROR, "too-deep", message)


def _no_environment(node: "Node", scope: ModuleScope) -> Problem:
    message = (
        f"`{scope.text(node)}` is undefined here: definitions never see the environment.  To "
        "vary a value between machines, use settings (`routes`, or an endpoint's `models`)."
    )
    return Problem(scope.path, scope.range(node), Severity.INFORMATION, "environment", message)


def _undefined_name(name: str, node: "Node", scope: ModuleScope) -> Problem:
    message = f"`{name}` is not defined in this file."
    if node.parent is not None and node.parent.type == "template_substitution":
        message += f"  Declare it, or write \\${{{name}}} if you want that text."
    return Problem(scope.path, scope.range(node), Severity.ERROR, "undefined-name", message)


_READERS: Mapping[str, Reader] = {
    "string": _string,
    "template_string": _template,
    "number": _number,
    "true": _constant(value=True),
    "false": _constant(value=False),
    "null": _constant(None),
    "undefined": _constant(UNDEFINED),
    "array": _array,
    "object": _object,
    "identifier": _identifier,
    "shorthand_property_identifier": _identifier,
    "unary_expression": _unary,
    "binary_expression": _binary,
    "ternary_expression": _ternary,
    "member_expression": _member,
    "subscript_expression": _member,
    "call_expression": _call,
}
