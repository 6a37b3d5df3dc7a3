"""JSON, also with comments and trailing commas, by TypeScript's grammar for it."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inhouse.core.json_values import mapping
from inhouse.core.text import Problem, Severity
from inhouse.definitions.readers.parsed_values import (
    DEEPEST,
    UNDEFINED,
    UNKNOWN,
    Literal,
    ParsedEntry,
    Reading,
    found,
)
from inhouse.definitions.schema.merge_evaluation import is_definition
from inhouse.definitions.typescript.js_values import number_value, string_value
from inhouse.definitions.typescript.parsing import Source, parse_value
from inhouse.definitions.typescript.syntax import syntax_error, syntax_problems

if TYPE_CHECKING:
    from tree_sitter import Node

_TWO_PAIRS = 3
_SCALARS: dict[str, Any] = {"true": True, "false": False, "null": None}
_MEANT = re.compile(r'"(?:displayName|toolNames|instructionsPrompt|systemPrompt|spawnerPrompt)"')


def read_json(path: Path, text: str) -> Reading:
    source = parse_value(text)
    problems = syntax_problems(source, path)
    root = _root(source.root)
    literal = _read(root, source, path, problems, 0) if root is not None else None
    if problems and _is_json(text):
        problems = [p for p in problems if p.severity is not Severity.ERROR]
    if literal is None or literal.fields is None:
        meant = _MEANT.search(text) is not None
        return Reading(problems=tuple(problems), may_define=meant)
    definition = found(literal, "default")
    if not is_definition(definition.values) and _MEANT.search(text) is None:
        return Reading(may_define=False)
    return Reading((definition,), tuple(problems))


def _root(program: "Node") -> "Node | None":
    """Return the value; for a broken text, the first remaining object."""
    stack = [program]
    while stack:
        node = stack.pop()
        if node.type in {"object", "array"}:
            return node
        if node.type in {"program", "expression_statement", "parenthesized_expression", "ERROR"}:
            stack.extend(reversed(node.named_children))
    return next((child for child in program.children if child.is_error), None)


def _read(node: "Node", source: Source, path: Path, problems: list[Problem], depth: int) -> Literal:
    place = source.range(node)
    if depth > DEEPEST:
        message = f"Nested more than {DEEPEST} levels deep: nothing below this is read."
        problems.append(Problem(path, place, Severity.ERROR, "too-deep", message))
        return Literal(UNDEFINED, place)
    if node.type in {"object", "ERROR"}:
        return _object(node, source, path, problems, depth)
    if node.type == "array":
        _commas(node, source, path, problems)
        items = [c for c in node.named_children if c.type != "comment" and not c.is_error]
        read = tuple(_read(item, source, path, problems, depth + 1) for item in items)
        return Literal(None, place, items=read)
    value = _scalar(node, source)
    if value is UNDEFINED and not node.is_missing:
        what = "Syntax error: a text needs double quotes; other words are true, false and null."
        problems.append(syntax_error(path, place, what))
    return Literal(value, place)


def _scalar(node: "Node", source: Source) -> Any:
    text = source.text(node)
    if node.type == "string" and text.startswith('"'):
        return string_value(node, source)
    if node.type in _SCALARS:
        return _SCALARS[node.type]
    if node.type in {"number", "unary_expression"}:
        value = number_value(text.removeprefix("-").strip())
        if value is not UNKNOWN:
            return -value if text.startswith("-") else value
    return UNDEFINED


def _object(
    node: "Node", source: Source, path: Path, problems: list[Problem], depth: int
) -> Literal:
    _commas(node, source, path, problems)
    fields: dict[str, ParsedEntry] = {}
    for child in node.named_children:
        key, value = child.child_by_field_name("key"), child.child_by_field_name("value")
        errors = [part for part in child.children if part.is_error]
        if key is not None and errors and len(errors[0].children) == _TWO_PAIRS:
            first = errors[0].children[0]  # a comma is missing between two pairs
            literal = _read(first, source, path, problems, depth + 1)
            fields[string_value(key, source)] = ParsedEntry(source.range(key), literal)
            key = errors[0].children[1]
        if child.type != "pair" or key is None or value is None:
            if child.type not in {"comment", "ERROR"} and node.type == "object":
                what = 'Syntax error: a `"key": value` is expected here.'
                problems.append(syntax_error(path, source.range(child), what))
            continue
        if key.type != "string" or not source.text(key).startswith('"'):
            what = "Syntax error: JSON keys need double quotes."
            problems.append(syntax_error(path, source.range(key), what))
        name = string_value(key, source) if key.type == "string" else source.text(key)
        if name in fields:
            message = f"`{name}` is given twice: the first one has no effect."
            place = fields[name].key
            problems.append(Problem(path, place, Severity.WARNING, "duplicate-key", message))
        literal = _read(value, source, path, problems, depth + 1)
        fields[name] = ParsedEntry(source.range(key), literal)
    return Literal(None, source.range(node), fields=fields)


def _commas(node: "Node", source: Source, path: Path, problems: list[Problem]) -> None:
    """Report holes in lists, which JavaScript allows and JSON does not."""
    before = ""
    for child in node.children:
        if child.type == "," and before in {",", "{", "["}:
            what = "Syntax error: a comma too many."
            problems.append(syntax_error(path, source.range(child), what))
        if child.type != "comment":
            before = child.type


def _is_json(text: str) -> bool:
    """Return whether Python's own parser accepts it, which decides."""
    try:
        return bool(mapping(json.loads(text)))
    except (ValueError, RecursionError):
        return False
