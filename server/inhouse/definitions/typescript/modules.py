"""What a module exports, and which of it is a definition."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import field, frozen

from inhouse.core.text import Problem, Range, Severity
from inhouse.definitions.fields import FIELD_NAMES
from inhouse.definitions.typescript.literals import read_expression, unwrap
from inhouse.definitions.typescript.objects import read_properties
from inhouse.definitions.typescript.parsing import parse_tsx, parse_typescript
from inhouse.definitions.typescript.scope import (
    MOST_STEPS,
    Binding,
    Kind,
    Scope,
    bindings_of,
    string_text,
    top_level,
)
from inhouse.definitions.typescript.syntax import syntax_problems
from inhouse.definitions.values import Entry, Found, Literal, Reading, found

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
_JSX = frozenset({".tsx", ".jsx"})
_LIKENESS = 2
"""So many known fields make an object without an id a definition that lacks one."""
_EXPORTS = re.compile(r"\bexport\s+default\b|\bmodule\.exports\s*=|\bexports\.default\s*=")
_MENTIONS = re.compile(r"\bid\b|\bmodel\b", re.ASCII)


@frozen(eq=False)
class _Exports:
    """What a module exports, by name."""

    values: dict[str, "Node"] = field(factory=dict[str, "Node"])
    passed_on: dict[str, str] = field(factory=dict[str, str])
    """Name to the module it really comes from."""
    annotated: set[str] = field(factory=set[str])
    effects: list["Node"] = field(factory=list["Node"])
    """Statements that do something: what they do, only an evaluation can tell."""


def read_module(path: Path, text: str) -> Reading:
    """Read a module's definitions from its text, without running it."""
    source = parse_tsx(text) if path.suffix.lower() in _JSX else parse_typescript(text)
    scope = Scope(source, path, bindings_of(source))
    problems = syntax_problems(source, path)
    exports = _Exports()
    for statement in top_level(source.root):
        _collect(statement, scope, exports)
    definitions, needs, may_define = _definitions(exports, scope)
    if problems and not definitions:
        definitions = [] if exports.values else _salvage(scope)
        may_define = may_define or bool(definitions) or _looks_like_one(text)
    if scope.spent[0] > MOST_STEPS:
        message = "Constants that contain each other grow too large to be read."
        place = needs or source.lines.range(0, 0)
        problems.append(Problem(path, place, Severity.ERROR, "too-large", message))
    return Reading(
        tuple(definitions),
        tuple(_once([*problems, *scope.problems])),
        needs,
        _imports(scope),
        tuple(exports.passed_on[name] for name in ("default",) if name in exports.passed_on),
        may_define,
    )


def _definitions(exports: _Exports, scope: Scope) -> tuple[list[Found], Range | None, bool]:
    effects = scope.range(exports.effects[0]) if exports.effects else None
    if "default" in exports.values:
        return _default(exports, scope, effects)
    if "default" in exports.passed_on:
        return [], None, False
    if {"id", "model"} & exports.values.keys():
        return _namespace(exports, scope, effects)
    return _named(exports, scope, effects)


def _default(
    exports: _Exports, scope: Scope, effects: Range | None
) -> tuple[list[Found], Range | None, bool]:
    node = exports.values["default"]
    literal = read_expression(node, scope)
    if literal.fields is None:
        unknown = not isinstance(literal.value, str | int | float | type(None))
        needs = literal.range if unknown else None
        return [], needs, unknown
    annotated = "default" in exports.annotated or scope.source.root.has_error
    if not _is_definition(literal, annotated=annotated and bool(literal.fields)):
        may = literal.partial is not None
        return [], literal.partial, may
    definition = found(literal, "default")
    needs = _first(definition.needs_evaluation, effects)
    return [definition], needs, True


def _namespace(
    exports: _Exports, scope: Scope, effects: Range | None
) -> tuple[list[Found], Range | None, bool]:
    """``export const id = …; export const model = …``: the module is the definition."""
    fields = {
        name: Entry(scope.range(node), read_expression(node, scope))
        for name, node in exports.values.items()
    }
    literal = Literal(None, scope.source.lines.range(0, 0), fields=fields)
    definition = found(literal, "*")
    return [definition], _first(definition.needs_evaluation, effects), True


def _named(
    exports: _Exports, scope: Scope, effects: Range | None
) -> tuple[list[Found], Range | None, bool]:
    definitions: list[Found] = []
    needs: Range | None = None
    for name, node in exports.values.items():
        if unwrap(node).type in {"arrow_function", "function_expression", "string"}:
            continue
        annotated = name in exports.annotated
        before = len(scope.problems)
        literal = read_expression(node, scope)
        if literal.fields is not None and ("id" in literal.fields or annotated):
            if _is_definition(literal, annotated=annotated):
                definition = found(literal, name)
                definitions.append(definition)
                needs = _first(needs, definition.needs_evaluation)
                continue
        elif literal.fields is None and annotated:
            needs = _first(needs, literal.range)
            continue
        del scope.problems[before:]  # somebody's helper
    may_define = bool(definitions) or needs is not None
    return definitions, _first(needs, effects) if may_define else None, may_define


def _is_definition(literal: Literal, *, annotated: bool) -> bool:
    """Whether an object means to be one: helpers without an id are none."""
    fields = literal.fields or {}
    others = FIELD_NAMES & (fields.keys() - {"id", "version"})
    if annotated or ("id" in fields and (others or literal.partial is not None)):
        return True
    known = FIELD_NAMES & fields.keys()
    return len(known) >= _LIKENESS and bool(known & {"displayName", "model", "id"})


def _looks_like_one(text: str) -> bool:
    """Of a text that is broken: Codebuff's own test of what to load."""
    return _EXPORTS.search(text) is not None and _MENTIONS.search(text) is not None


def _salvage(scope: Scope) -> list[Found]:
    """What is left of an object that is never closed."""
    for node in scope.source.root.children:
        if not node.is_error:
            continue
        children: list[Node] = []
        depth = 0
        for child in node.children:
            depth += {"{": 1, "}": -1}.get(child.type, 0)
            if child.type in {"pair", "method_definition"} and depth == 1:
                children.append(child)
        literal = read_properties(node, children, scope, 0, read_expression)
        if literal.fields and _is_definition(literal, annotated=False):
            return [found(literal, "default")]
    return []


def _collect(statement: "Node", scope: Scope, exports: _Exports) -> None:
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


def _collect_export(statement: "Node", scope: Scope, exports: _Exports) -> None:
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


def _collect_specifier(item: "Node", specifier: str, scope: Scope, exports: _Exports) -> None:
    name = item.child_by_field_name("name")
    if name is None:
        return
    exported = scope.text(item.child_by_field_name("alias") or name).strip("'\"")
    if specifier:
        exports.passed_on[exported] = specifier
    else:
        _export(exported, name, scope, exports)


def _collect_declaration(
    statement: "Node", declaration: "Node", scope: Scope, exports: _Exports
) -> None:
    if any(child.type == "default" for child in statement.children):
        exports.values["default"] = declaration
        return
    for declarator in declaration.named_children:
        name = declarator.child_by_field_name("name")
        value = declarator.child_by_field_name("value")
        if declarator.type == "variable_declarator" and name is not None and value is not None:
            exports.values[scope.text(name)] = value
            if _is_annotated(value, scope, scope.bindings.get(scope.text(name))):
                exports.annotated.add(scope.text(name))


def _collect_commonjs(assignment: "Node", scope: Scope, exports: _Exports) -> bool:
    """``module.exports = …`` and ``exports.name = …``."""
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


def _export(name: str, node: "Node", scope: Scope, exports: _Exports) -> None:
    """Note an exported expression; a bare import that is exported is only passed on."""
    inner = unwrap(node)
    binding = scope.bindings.get(scope.text(inner)) if inner.type == "identifier" else None
    if binding is not None and binding.kind is Kind.IMPORT and binding.imported != "*":
        exports.passed_on[name] = binding.specifier
        return
    exports.values[name] = node
    if _is_annotated(node, scope, binding):
        exports.annotated.add(name)


def _is_annotated(node: "Node", scope: Scope, binding: Binding | None) -> bool:
    """``satisfies AgentDefinition``, ``as AgentDefinition`` or ``: AgentDefinition``."""
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


def _imports(scope: Scope) -> tuple[str, ...]:
    specifiers = [b.specifier for b in scope.bindings.values() if b.kind is Kind.IMPORT]
    return tuple(dict.fromkeys(specifiers))


def _first(*places: Range | None) -> Range | None:
    return min((place for place in places if place is not None), default=None)


def _once(problems: list[Problem]) -> list[Problem]:
    return list(dict.fromkeys(problems))
