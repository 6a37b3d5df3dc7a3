"""TOML: values by the standard library, places by a grammar that survives broken files."""

import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inhouse.bounded_toml import LONG_KEY
from inhouse.core.text import Problem, Range
from inhouse.definitions.readers.parsed_values import ParsedDefinition, Reading
from inhouse.definitions.readers.source_ranges import JsonPath, Lines, SourceRange
from inhouse.definitions.schema.merge_evaluation import is_definition
from inhouse.definitions.typescript.parsing import Source, parse_toml
from inhouse.definitions.typescript.syntax import syntax_error

if TYPE_CHECKING:
    from tree_sitter import Node

_WHERE = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)")
_MEANT = re.compile(
    r"^\s*(?:displayName|toolNames|instructionsPrompt|systemPrompt)\b", re.MULTILINE
)
_LARGEST_NUMBER = 2**63
_NO_NUMBERS = (float("inf"), float("-inf"))
_TRIES = 3
_DEEPEST = 30


def read_toml(path: Path, text: str) -> Reading:
    deep = _deep_line(text)
    if deep is not None:
        problem = syntax_error(path, deep, "This key has too many parts.", code="too-deep")
        return Reading(problems=(problem,))
    values, problems = _values(path, text)
    if not is_definition(values) and _MEANT.search(text) is None:
        return Reading(may_define=False)
    source = parse_toml(text)
    places: dict[JsonPath, SourceRange] = {(): SourceRange(source.lines.range(0, len(text)))}
    tables: Counter[JsonPath] = Counter()
    for node in source.root.named_children:
        _place_statement(node, source, places, tables)
    definition = ParsedDefinition("default", values, places)
    return Reading((definition,), tuple(problems))


def _deep_line(text: str) -> Range | None:
    """Find a key with thousands of parts, which would occupy the standard library for minutes."""
    found = LONG_KEY.search(text)
    return None if found is None else Lines(text).line(text.count("\n", 0, found.start()))


def _values(path: Path, text: str) -> tuple[dict[str, Any], list[Problem]]:
    """Read the values; for a broken text, those before the error."""
    problems: list[Problem] = []
    lines = Lines(text)
    for _ in range(_TRIES):
        try:
            return _plain(tomllib.loads(text.replace("\r\n", "\n"))), problems
        except ValueError as error:  # also a number of thousands of digits
            place = _place(str(error), lines)
            if not problems:
                what = _WHERE.sub("", str(error))
                problems.append(syntax_error(path, place, f"Syntax error: {what}."))
            text = text[: lines.start(place.start.line)] if place.start.line else ""
    return {}, problems


def _place(message: str, lines: Lines) -> Range:
    match = _WHERE.search(message)
    if match is None or match[1] is None:
        last = lines.line(lines.count - 1)
        return Range(last.end, last.end)
    start = lines.start(int(match[1]) - 1) + int(match[2]) - 1
    return lines.range(start, start + 1)


def _plain(value: Any) -> Any:
    """Convert to JSON, which has neither dates nor infinity."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list):
        return [_plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, int) and abs(value) < _LARGEST_NUMBER:
        return value
    if isinstance(value, str | float) and value not in _NO_NUMBERS and value == value:  # noqa: PLR0124
        return value
    return str(value) if not isinstance(value, int) else "a very large number"


def _place_statement(
    node: "Node", source: Source, places: dict[JsonPath, SourceRange], tables: "Counter[JsonPath]"
) -> None:
    if node.type == "pair":
        _place_pair(node, source, (), places, 0)
        return
    if node.type not in {"table", "table_array_element"} or not node.named_children:
        return
    head, *rest = node.named_children
    path = _resolve(_keys(head, source)[:_DEEPEST], tables)
    if node.type == "table_array_element":
        at = tables[path]
        tables[path] += 1
        places.setdefault(path, SourceRange(source.range(node), source.range(head)))
        path = (*path, at)
    for length in range(1, len(path)):
        places.setdefault(path[:length], SourceRange(source.range(node), source.range(head)))
    places[path] = SourceRange(source.range(node), source.range(head))
    for child in rest:
        if child.type == "pair":
            _place_pair(child, source, path, places, 0)


def _resolve(keys: JsonPath, tables: "Counter[JsonPath]") -> JsonPath:
    """Resolve a table's path: ``[a.b]`` after ``[[a]]`` means the last element of ``a``."""
    path: JsonPath = ()
    for at, key in enumerate(keys):
        path = (*path, key)
        if tables[path] and at < len(keys) - 1:
            path = (*path, tables[path] - 1)
    return path


def _place_pair(
    node: "Node", source: Source, above: JsonPath, places: dict[JsonPath, SourceRange], depth: int
) -> None:
    children = [child for child in node.named_children if child.type != "comment"]
    if not children:
        return
    key, value = children[0], children[-1]
    keys = _keys(key, source)[:_DEEPEST]
    for length in range(1, len(keys)):
        whole = SourceRange(source.range(node), source.range(key))
        places.setdefault((*above, *keys[:length]), whole)
    path = (*above, *keys)
    places[path] = SourceRange(source.range(value), source.range(key))
    _place_value(value, source, path, places, depth)


def _place_value(
    value: "Node", source: Source, path: JsonPath, places: dict[JsonPath, SourceRange], depth: int
) -> None:
    if depth > _DEEPEST:
        return
    if value.type == "inline_table":
        for child in value.named_children:
            if child.type == "pair":
                _place_pair(child, source, path, places, depth + 1)
    elif value.type == "array":
        items = [child for child in value.named_children if child.type != "comment"]
        for at, item in enumerate(items):
            places[(*path, at)] = SourceRange(source.range(item))
            _place_value(item, source, (*path, at), places, depth + 1)


def _keys(node: "Node", source: Source) -> JsonPath:
    keys: list[str] = []
    stack = [node]
    while stack:
        current = stack.pop(0)
        if current.type == "dotted_key":
            stack = [*current.named_children, *stack]
        else:
            keys.append(source.text(current).strip("\"'"))
    return tuple(keys)
