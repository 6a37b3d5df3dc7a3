"""What a module exports, and which of it is a definition."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from inhouse.core.text import Problem, Range, Severity
from inhouse.definitions.readers.parsed_values import (
    Literal,
    ParsedDefinition,
    ParsedEntry,
    Reading,
    found,
)
from inhouse.definitions.schema.fields import FIELD_NAMES
from inhouse.definitions.schema.merge_evaluation import listed
from inhouse.definitions.typescript.exports import Exports, collect
from inhouse.definitions.typescript.literal_calls import unwrap
from inhouse.definitions.typescript.literals import read_expression
from inhouse.definitions.typescript.module_scope import (
    MOST_STEPS,
    BindingKind,
    ModuleScope,
    bindings_of,
    top_level,
)
from inhouse.definitions.typescript.objects import read_properties
from inhouse.definitions.typescript.parsing import parse_tsx, parse_typescript
from inhouse.definitions.typescript.syntax import syntax_problems

if TYPE_CHECKING:
    from tree_sitter import Node

_JSX = frozenset({".tsx", ".jsx"})
_NO_DEFINITIONS = frozenset(
    {
        *("arrow_function", "function_expression", "string"),
        *("function_declaration", "generator_function_declaration"),
    }
)
_CLASSES = frozenset({"class", "class_declaration", "abstract_class_declaration"})
_STATIC_ID = re.compile(r"\bstatic\s+(?:readonly\s+)?id\b")
_LIKENESS = 2
"""With this many known fields, an object without an id is a definition that lacks one."""
_EXPORTS = re.compile(r"\bexport\s+default\b|\bmodule\.exports\s*=|\bexports\.default\s*=")
_MENTIONS = re.compile(r"\bid\b|\bmodel\b", re.ASCII)


def read_module(path: Path, text: str) -> Reading:
    """Read a module's definitions from its text, without running it."""
    source = parse_tsx(text) if path.suffix.lower() in _JSX else parse_typescript(text)
    scope = ModuleScope(source, path, bindings_of(source))
    problems = syntax_problems(source, path)
    exports = Exports()
    for statement in top_level(source.root):
        collect(statement, scope, exports)
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
        tuple(_once([*problems, *_certain(scope.problems, exports)])),
        needs,
        _imports(scope),
        tuple(exports.passed_on[name] for name in ("default",) if name in exports.passed_on),
        may_define,
    )


def _definitions(
    exports: Exports, scope: ModuleScope
) -> tuple[list[ParsedDefinition], Range | None, bool]:
    effects = scope.range(exports.effects[0]) if exports.effects else None
    if "default" in exports.values:
        return _default(exports, scope, effects)
    if "default" in exports.passed_on:
        return [], None, False
    if {"id", "model"} & exports.values.keys():
        return _namespace(exports, scope, effects)
    return _named(exports, scope, effects)


def _default(
    exports: Exports, scope: ModuleScope, effects: Range | None
) -> tuple[list[ParsedDefinition], Range | None, bool]:
    node = exports.values["default"]
    literal = read_expression(node, scope)
    if any(_is_definition(item, annotated=False) for item in literal.items or ()):
        scope.problems.append(listed(scope.path, literal.range))
        return [], None, True
    if unwrap(node).type in _CLASSES and _STATIC_ID.search(scope.text(node)):
        return [], literal.range, True
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
    exports: Exports, scope: ModuleScope, effects: Range | None
) -> tuple[list[ParsedDefinition], Range | None, bool]:
    """``export const id = …; export const model = …``: the module is the definition."""
    fields = {
        name: ParsedEntry(scope.range(node), read_expression(node, scope))
        for name, node in exports.values.items()
    }
    literal = Literal(None, scope.source.lines.range(0, 0), fields=fields)
    definition = found(literal, "*")
    return [definition], _first(definition.needs_evaluation, effects), True


def _named(
    exports: Exports, scope: ModuleScope, effects: Range | None
) -> tuple[list[ParsedDefinition], Range | None, bool]:
    definitions: list[ParsedDefinition] = []
    needs: Range | None = None
    for name, node in exports.values.items():
        if unwrap(node).type in _NO_DEFINITIONS:
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
        del scope.problems[before:]  # a helper module
    may_define = bool(definitions) or needs is not None
    return definitions, _first(needs, effects) if may_define else None, may_define


def _is_definition(literal: Literal, *, annotated: bool) -> bool:
    """Return whether an object is meant as a definition; helpers without an id are not."""
    fields = literal.fields or {}
    others = FIELD_NAMES & (fields.keys() - {"id", "version"})
    if annotated or ("id" in fields and (others or literal.partial is not None)):
        return True
    known = FIELD_NAMES & fields.keys()
    return len(known) >= _LIKENESS and bool(known & {"displayName", "model", "id"})


def _looks_like_one(text: str) -> bool:
    """Return whether a broken text looks like a definition, by Codebuff's own test."""
    return _EXPORTS.search(text) is not None and _MENTIONS.search(text) is not None


def _salvage(scope: ModuleScope) -> list[ParsedDefinition]:
    """Return what can be read of an object that is never closed."""
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


def _imports(scope: ModuleScope) -> tuple[str, ...]:
    specifiers = [b.specifier for b in scope.bindings.values() if b.kind is BindingKind.IMPORT]
    return tuple(dict.fromkeys(specifiers))


def _first(*places: Range | None) -> Range | None:
    return min((place for place in places if place is not None), default=None)


def _certain(problems: list[Problem], exports: Exports) -> list[Problem]:
    """Return the certain problems; a top-level block may declare names that are not looked for."""
    if not exports.effects:
        return problems
    return [problem for problem in problems if problem.code != "undefined-name"]


def _once(problems: list[Problem]) -> list[Problem]:
    return list(dict.fromkeys(problems))
