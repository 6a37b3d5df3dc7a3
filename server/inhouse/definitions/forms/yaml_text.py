"""YAML, read from its nodes, which have positions."""

import re
from functools import cache
from pathlib import Path
from typing import Any

from attrs import define, field

from inhouse.core.text import Problem, Range, Severity
from inhouse.definitions.readers.parsed_values import (
    DEEPEST,
    MOST_VALUES,
    UNDEFINED,
    UNKNOWN,
    Literal,
    ParsedEntry,
    Reading,
    found,
)
from inhouse.definitions.readers.source_ranges import Lines
from inhouse.definitions.schema.merge_evaluation import is_definition
from inhouse.definitions.typescript.js_values import whole, whole_text
from inhouse.definitions.typescript.syntax import syntax_error

_LARGEST = 150_000
_MEANT = re.compile(r"^(?:displayName|toolNames|instructionsPrompt|systemPrompt)\s*:", re.MULTILINE)
_NESTED = re.compile(r"(?:[\[{]\s?){100}")
_LARGEST_NUMBER = 2**63
_TRIES = 8
_TAG = "tag:yaml.org,2002:"


@define
class _Work:
    """The state of reading one text."""

    path: Path
    lines: Lines
    problems: list[Problem] = field(factory=list[Problem])
    count: int = 0
    """How many values were made, since aliases of aliases grow without end."""


def read_yaml(path: Path, text: str) -> Reading:
    literal, problems = yaml_literal(path, text, text)
    if literal is None or literal.fields is None:
        return Reading(problems=tuple(problems), may_define=_MEANT.search(text) is not None)
    definition = found(literal, "default")
    if not is_definition(definition.values) and _MEANT.search(text) is None:
        return Reading(may_define=False)
    return Reading((definition,), tuple(problems))


def yaml_literal(path: Path, text: str, whole_file: str) -> tuple[Literal | None, list[Problem]]:
    """Read a text that begins where the file begins; for a broken one, what precedes the error."""
    from ruamel.yaml import YAML, YAMLError  # noqa: PLC0415 - loaded on first use

    work = _Work(path, Lines(whole_file))
    if len(text) > _LARGEST:
        message = f"{len(text):,} characters are too many for YAML: {_LARGEST:,} at most."
        problem = syntax_error(path, work.lines.line(0), message, code="too-large")
        return None, [problem]
    if _NESTED.search(text) is not None:
        problem = syntax_error(
            path, work.lines.line(0), "Nested too deep to be read.", code="too-deep"
        )
        return None, [problem]
    for _ in range(_TRIES):
        try:
            reader: Any = YAML(typ="safe", pure=True)
            reader.composer.warn_double_anchors = False
            node = reader.compose(text)
        except (YAMLError, ValueError, AttributeError, TypeError, IndexError) as error:
            # ruamel raises the last three on some malformed texts instead of its own errors.
            place = _place(error, work.lines)
            if not work.problems:
                what = f"Syntax error: {_what(error)}."
                work.problems.append(syntax_error(path, place, what))
            text = _before(error, place, text, work.lines)
            continue
        return (_literal(node, work, 0) if node is not None else None), work.problems
    return None, work.problems


def _literal(node: Any, work: _Work, depth: int) -> Literal:
    place = work.lines.range(node.start_mark.index, max(node.start_mark.index, _end(node, work)))
    work.count += 1
    if depth > DEEPEST or work.count > MOST_VALUES:
        if work.count <= MOST_VALUES or work.count == MOST_VALUES + 1:
            message = "This is nested too deep, or refers to itself too often, to be read."
            work.problems.append(syntax_error(work.path, place, message, code="too-deep"))
        return Literal(UNDEFINED, place)
    if node.id == "mapping":
        return _mapping(node, place, work, depth)
    if node.id == "sequence":
        items = tuple(_literal(item, work, depth + 1) for item in node.value)
        return Literal(None, place, items=items)
    return Literal(_scalar(node, place, work), place)


def _mapping(node: Any, place: Range, work: _Work, depth: int) -> Literal:
    fields: dict[str, ParsedEntry] = {}
    merged: dict[str, ParsedEntry] = {}
    for key, value in node.value:
        name = str(key.value) if key.id == "scalar" else ""
        literal = _literal(value, work, depth + 1)
        if name == "<<" and key.style is None:
            for part in literal.items if literal.items is not None else (literal,):
                merged = {**(part.fields or {}), **merged}
            continue
        where = work.lines.range(key.start_mark.index, key.end_mark.index)
        if name in fields:
            message = f"{name!r} is written twice; the last one counts."
            twice = Problem(work.path, where, Severity.WARNING, "written-twice", message)
            work.problems.append(twice)
        fields[name] = ParsedEntry(where, literal)
    return Literal(None, place, fields={**merged, **fields})


def _scalar(node: Any, place: Range, work: _Work) -> Any:
    kind = str(node.tag).removeprefix(_TAG)
    text = str(node.value)
    if kind == "str" or (str(node.tag).startswith(_TAG) and kind in {"timestamp", "binary"}):
        return whole_text(text)
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind in {"int", "float"}:
        value = _number(node)
        return value if value is not UNKNOWN else text
    message = f"Tags such as `{node.tag}` are not supported.  Remove it."
    work.problems.append(syntax_error(work.path, place, message, code="yaml-tag"))
    return UNDEFINED


def _number(node: object) -> Any:
    try:
        value = _constructor().construct_object(node)
    except Exception:  # noqa: BLE001 - any text may claim to be a number with `!!int`
        return UNKNOWN
    if isinstance(value, float):
        return whole(value)
    return value if isinstance(value, int) and abs(value) < _LARGEST_NUMBER else UNKNOWN


@cache
def _constructor() -> Any:
    from ruamel.yaml import YAML  # noqa: PLC0415 - loaded on first use

    return YAML(typ="safe", pure=True).constructor


def _end(node: Any, work: _Work) -> int:
    """Return the end of a block, without trailing empty lines."""
    end = min(node.end_mark.index, len(work.lines.text))
    while end > node.start_mark.index and work.lines.text[end - 1 : end].isspace():
        end -= 1
    return end


def _place(error: Exception, lines: Lines) -> Range:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    index = getattr(mark, "index", None)
    if not isinstance(index, int):
        position = getattr(error, "position", None)
        index = position if isinstance(position, int) else 0
    return lines.range(index, min(index + 1, len(lines.text)))


def _before(error: Exception, place: Range, text: str, lines: Lines) -> str:
    """Return the readable part of a broken text: the lines before the error."""
    context = getattr(getattr(error, "context_mark", None), "line", place.start.line)
    line = min(place.start.line, context) if isinstance(context, int) else place.start.line
    kept = text[: lines.start(line)] if line else ""
    return kept if len(kept) < len(text) else text[: text.rstrip().rfind("\n") + 1]


def _what(error: Exception) -> str:
    text = getattr(error, "problem", None) or getattr(error, "reason", None)
    shown = str(text) if text else "this is not YAML"
    return shown.split("\n", 1)[0].rstrip(".")
