"""Checks the JSON Schemas in a definition."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from inhouse.bounded_schema import TooManyStepsError, errors_of
from inhouse.definitions.readers.source_ranges import JsonPath
from inhouse.definitions.schema.structure import Mistake

_MOST = 20
_PIECES = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|[\[()]", re.DOTALL)
"""Escapes and classes as wholes, and brackets; a `[` by itself is never closed."""
_DATA_KEYWORDS = frozenset({"enum", "const", "default", "examples", "required"})
_CODEBUFF = frozenset({"type", "description", "properties", "required", "enum"})
"""What Codebuff itself refuses if wrong; the rest it accepts, so here that is a warning."""


def schema_mistakes(schema: Mapping[str, Any], path: JsonPath) -> list[Mistake]:
    """Yield every place where *schema* is not valid JSON Schema (2020-12)."""
    mistakes: list[Mistake] = []
    try:
        errors = errors_of(schema)
    except TooManyStepsError:
        text = "This JSON Schema takes too many steps to check: make it smaller."
        return [Mistake(path, "invalid-schema", text)]
    for error in errors:
        where: JsonPath = tuple(error.absolute_path)
        refused = bool(_CODEBUFF & {part for part in where[-2:] if isinstance(part, str)})
        code = "invalid-schema" if refused and error.validator != "uniqueItems" else None
        mistakes.append(
            Mistake(
                (*path, *where),
                code or "schema-warning",
                f"Not a valid JSON Schema: {_what(error)}.",
            )
        )
        if len(mistakes) >= _MOST:
            break
    return [*mistakes, *_patterns(schema, path)][:_MOST]


def _patterns(schema: Any, path: JsonPath) -> Iterator[Mistake]:
    """Find patterns that no engine of JavaScript takes; Codebuff refuses the definition."""
    if isinstance(schema, list):
        for index, item in enumerate(cast("list[Any]", schema)):
            yield from _patterns(item, (*path, index))
    if not isinstance(schema, Mapping):
        return
    members = cast("Mapping[str, Any]", schema)
    pattern = members.get("pattern")
    if isinstance(pattern, str) and (fault := _fault(pattern)):
        message = f"Not a valid JSON Schema: {pattern!r} is not a regular expression: {fault}."
        yield Mistake((*path, "pattern"), "invalid-schema", message)
    for name, value in members.items():
        if name not in _DATA_KEYWORDS:
            yield from _patterns(value, (*path, name))


def _fault(pattern: str) -> str | None:
    """Say which bracket of a regular expression is left open, or closed twice."""
    if re.search(r"(?<!\\)(?:\\\\)*\\$", pattern):
        return "it ends with a backslash"
    depth = 0
    for piece in _PIECES.findall(pattern):
        if piece == "[":
            return "a `[` is never closed"
        depth += (piece == "(") - (piece == ")")
        if depth < 0:
            return "a `)` has no `(`"
    return "a `(` is never closed" if depth else None


def _what(error: Any) -> str:
    if error.validator == "anyOf" and error.absolute_path and error.absolute_path[-1] == "type":
        return f"there is no type {error.instance!r}"
    return str(error.message)[:200]
