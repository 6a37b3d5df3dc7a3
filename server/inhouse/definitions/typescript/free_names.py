"""Names that a function uses from outside itself, found in its syntax tree."""

from functools import lru_cache
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from inhouse.core.text import Position

from .parsing import Source, parse_value

if TYPE_CHECKING:
    from tree_sitter import Node

_FUNCTIONS = frozenset(
    {
        *("function_declaration", "generator_function_declaration"),
        *("function_expression", "generator_function", "arrow_function", "method_definition"),
    }
)
_DECLARED = frozenset({"function_declaration", "generator_function_declaration"})
_CLASSES = frozenset({"class_declaration", "abstract_class_declaration", "class"})
_BLOCKS = frozenset({"statement_block", "switch_body", "for_statement", "class_static_block"})
_TYPES = frozenset(
    {
        *("type_annotation", "type_arguments", "type_parameters", "type_query", "generic_type"),
        *("nested_type_identifier", "interface_declaration", "type_alias_declaration"),
        *("type_predicate_annotation", "asserts_annotation", "function_type", "object_type"),
        *("constructor_type", "function_signature", "ambient_declaration", "conditional_type"),
        *("union_type", "intersection_type", "array_type", "tuple_type", "lookup_type"),
        *("literal_type", "parenthesized_type", "template_literal_type", "index_type_query"),
        *("implements_clause", "readonly_type", "predefined_type"),
    }
)
_PATTERNS = frozenset({"object_pattern", "array_pattern", "rest_pattern"})
_REFERENCES = frozenset(
    {"identifier", "shorthand_property_identifier", "shorthand_property_identifier_pattern"}
)


@frozen
class FreeName:
    """A name, and where in the text it is used first."""

    name: str
    start: Position
    end: Position


@lru_cache(maxsize=1_000)  # each change of a file checks every definition again
def free_names(text: str, known: frozenset[str] = frozenset()) -> tuple[FreeName, ...]:
    """Return the names that *text*, one expression, uses without declaring them.

    In the order of their first use.  A name that is only tested with ``typeof`` does not count; a
    text that does not parse has none.
    """
    source = parse_value(text)
    if source.root.has_error or not source.complete:
        return ()
    walk = _Walk(source)
    walk.all()
    ignored = {*known, *walk.guarded}
    found: dict[str, FreeName] = {}
    for name, node, scope in sorted(walk.used, key=lambda each: each[1].start_byte):
        if name not in found and name not in ignored and not scope.knows(name):
            place = source.range(node)
            found[name] = FreeName(name, place.start, place.end)
    return tuple(found.values())


@define(eq=False)
class _Scope:
    outer: "_Scope | None" = None
    is_function: bool = True
    names: set[str] = field(factory=set[str])

    def knows(self, name: str) -> bool:
        scope: _Scope | None = self
        while scope is not None:
            if name in scope.names:
                return True
            scope = scope.outer
        return False

    def function(self) -> "_Scope":
        scope = self
        while not scope.is_function and scope.outer is not None:
            scope = scope.outer
        return scope

    def inner(self, *, is_function: bool = False) -> "_Scope":
        return _Scope(self, is_function)


@define(eq=False)
class _Walk:
    """Walks a tree without recursion; names are looked up when all scopes are known."""

    source: Source
    used: list[tuple[str, "Node", _Scope]] = field(factory=list[tuple[str, "Node", _Scope]])
    guarded: set[str] = field(factory=set[str])
    _todo: list[tuple["Node", _Scope]] = field(factory=list[tuple["Node", _Scope]])

    def all(self) -> None:
        self._todo.append((self.source.root, _Scope()))
        while self._todo:
            self._visit(*self._todo.pop())

    def _visit(self, node: "Node", scope: _Scope) -> None:
        kind = node.type
        if kind in _TYPES:
            return
        if kind in _REFERENCES:
            self.used.append((self.source.text(node), node, scope))
        elif kind == "meta_property":
            if self.source.text(node).startswith("import"):  # Not `new.target`.
                self.used.append(("import.meta", node, scope))
        elif kind in _FUNCTIONS:
            self._function(node, scope)
        elif kind in _CLASSES:
            self._class(node, scope)
        elif kind in _BLOCKS:
            self.children(node, scope.inner())
        else:
            visit = _STATEMENTS.get(kind, _Walk.children)
            visit(self, node, scope)

    def children(self, node: "Node | None", scope: _Scope) -> None:
        if node is not None:
            self._todo += [(child, scope) for child in node.named_children]

    def enum(self, node: "Node", scope: _Scope) -> None:
        self._name(node, scope)
        self.children(node.child_by_field_name("body"), scope)

    def call(self, node: "Node", scope: _Scope) -> None:
        called = node.child_by_field_name("function")
        if called is not None and called.type == "import":
            self.used.append(("import", called, scope))
        self.children(node, scope)

    def _name(self, node: "Node", scope: _Scope) -> None:
        if (name := node.child_by_field_name("name")) is not None:
            scope.names.add(self.source.text(name))

    def _function(self, node: "Node", scope: _Scope) -> None:
        inner = scope.inner(is_function=True)
        if node.type != "arrow_function":
            inner.names.add("arguments")
        name = node.child_by_field_name("name")
        if node.type == "method_definition":
            if name is not None and name.type == "computed_property_name":
                self.children(name, scope)
        else:
            self._name(node, scope.function() if node.type in _DECLARED else inner)
        if (one := node.child_by_field_name("parameter")) is not None:
            self._declare(one, inner, inner)
        if (several := node.child_by_field_name("parameters")) is not None:
            for each in several.named_children:
                self._declare(each, inner, inner)
        body = node.child_by_field_name("body")
        if body is not None and body.type == "statement_block":
            self.children(body, inner)
        elif body is not None:
            self._todo.append((body, inner))

    def _class(self, node: "Node", scope: _Scope) -> None:
        inner = scope.inner()
        self._name(node, inner if node.type == "class" else scope)
        for child in node.named_children:
            if child.type != "type_identifier":
                self._todo.append((child, inner))

    def variable(self, node: "Node", scope: _Scope) -> None:
        is_var = node.parent is not None and node.parent.type == "variable_declaration"
        if (name := node.child_by_field_name("name")) is not None:
            self._declare(name, scope.function() if is_var else scope, scope)
        if (value := node.child_by_field_name("value")) is not None:
            self._todo.append((value, scope))

    def for_in(self, node: "Node", scope: _Scope) -> None:
        inner = scope.inner()
        left, kind = node.child_by_field_name("left"), node.child_by_field_name("kind")
        for child in node.named_children:
            if kind is not None and child == left:
                is_var = self.source.text(kind) == "var"
                self._declare(child, scope.function() if is_var else inner, inner)
            else:
                self._todo.append((child, inner))

    def catch(self, node: "Node", scope: _Scope) -> None:
        inner = scope.inner()
        if (given := node.child_by_field_name("parameter")) is not None:
            self._declare(given, inner, inner)
        if (body := node.child_by_field_name("body")) is not None:
            self._todo.append((body, inner))

    def unary(self, node: "Node", scope: _Scope) -> None:
        argument = node.child_by_field_name("argument")
        operator = node.child_by_field_name("operator")
        asks = operator is not None and operator.type == "typeof"
        if asks and argument is not None and argument.type == "identifier":
            self.guarded.add(self.source.text(argument))
        else:
            self.children(node, scope)

    def _declare(self, pattern: "Node", target: _Scope, scope: _Scope) -> None:
        """Record the names of a pattern in *target*; its defaults are read in *scope*."""
        todo = [pattern]
        while todo:
            node = todo.pop()
            kind = node.type
            if kind in {"identifier", "shorthand_property_identifier_pattern"}:
                target.names.add(self.source.text(node))
            elif kind in _PATTERNS:
                todo += node.named_children
            elif kind == "pair_pattern":
                key, value = node.child_by_field_name("key"), node.child_by_field_name("value")
                if key is not None and key.type == "computed_property_name":
                    self._todo.append((key, scope))
                todo += [value] if value is not None else []
            elif kind in {"assignment_pattern", "object_assignment_pattern"}:
                left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
                todo += [left] if left is not None else []
                self._todo += [(right, scope)] if right is not None else []
            elif kind in {"required_parameter", "optional_parameter"}:
                inside = node.child_by_field_name("pattern")
                value = node.child_by_field_name("value")
                todo += [inside] if inside is not None else []
                self._todo += [(value, scope)] if value is not None else []


_STATEMENTS = {
    "enum_declaration": _Walk.enum,
    "variable_declarator": _Walk.variable,
    "for_in_statement": _Walk.for_in,
    "catch_clause": _Walk.catch,
    "unary_expression": _Walk.unary,
    "call_expression": _Walk.call,
}
