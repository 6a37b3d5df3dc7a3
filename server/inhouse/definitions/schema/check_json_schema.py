"""Checks the JSON Schemas in a definition."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from inhouse.definitions.readers.source_ranges import JsonPath
from inhouse.definitions.schema.structure import Mistake

_MOST = 20
_CODEBUFF = frozenset({"type", "description", "properties", "required", "enum"})
"""What Codebuff itself refuses if wrong; the rest it accepts, so here that is a warning."""


def schema_mistakes(schema: Mapping[str, Any], path: JsonPath) -> list[Mistake]:
    """Yield every place where *schema* is not valid JSON Schema (2020-12)."""
    mistakes: list[Mistake] = []
    for error in _validator().iter_errors(schema):
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
    return mistakes


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - loaded on first use

    return Draft202012Validator(Draft202012Validator.META_SCHEMA)


def _what(error: Any) -> str:
    if error.validator == "anyOf" and error.absolute_path and error.absolute_path[-1] == "type":
        return f"there is no type {error.instance!r}"
    return str(error.message)[:200]
