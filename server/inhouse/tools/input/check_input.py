"""Repairs and checks tool input, since small models get names and types nearly right."""

import json
from collections.abc import Mapping
from typing import Any, cast

from inhouse.bounded_schema import one_check
from inhouse.core.broken_json import BrokenJsonError, read
from inhouse.core.errors import ToolError
from inhouse.core.ports import ToolSpec
from inhouse.core.unicode import clean_json

from .json_schema import problems_with
from .repair import repair, unknown

_SHOWN_PROBLEMS = 3
_ENCODED_DEPTH = 3


def check_input(spec: ToolSpec, arguments: str) -> Mapping[str, Any]:
    """Return the input of a call, repaired where that is safe.

    Raises `ToolError`, whose message shows a small model what to send instead.
    """
    try:
        with one_check():
            value = repair(spec.parameters, clean_json(_parse(spec, arguments)), exact=spec.exact)
            problems = problems_with(spec.parameters, value)
    except RecursionError:
        raise ToolError(f"The input of {spec.name} is nested too deep.  {usage(spec)}") from None
    if not isinstance(value, dict):
        raise ToolError(f"The input of {spec.name} is not an object.  {usage(spec)}")
    if problems:
        shown = "; ".join(problems[:_SHOWN_PROBLEMS])
        raise ToolError(f"Wrong input for {spec.name}: {shown}.  {usage(spec)}", code="input")
    if spec.exact and (extra := unknown(spec.parameters, value)):
        names = ", ".join(map(repr, dict.fromkeys(extra)))
        raise ToolError(
            f"{spec.name} takes no {names}, and what that asks for would not happen: nothing was "
            f"done.  {usage(spec)}",
            code="input",
        )
    return cast("dict[str, Any]", value)


def problem_with(schema: Mapping[str, Any], value: object) -> str | None:
    """Say in one line what is wrong with a value; None if nothing is."""
    try:
        problems = problems_with(schema, value)
    except RecursionError:
        return "it is nested too deep"
    return "; ".join(problems[:_SHOWN_PROBLEMS]) or None


def usage(spec: ToolSpec) -> str:
    """Show what a tool takes: ``Send {"path": string, "limit"?: integer}``."""
    return f"Send {_shape(spec.parameters)}"


def _parse(spec: ToolSpec, arguments: str) -> Any:
    """Read JSON, even inside a string or broken."""
    value: Any = arguments.strip() or "{}"
    for _ in range(_ENCODED_DEPTH):
        if not isinstance(value, str):
            return {} if value is None else value
        if value.lstrip()[:1] not in {"{", "[", '"'} and value.strip() not in _CONSTANTS:
            return value  # A bare word, for the only thing that the tool takes.
        value = _read(spec, value.strip())
    return value


_CONSTANTS = frozenset({"null", "true", "false"})


def _read(spec: ToolSpec, text: str) -> Any:
    try:
        return read(text)
    except BrokenJsonError as error:
        if spec.exact or "breaks off" in str(error) or "in a row" in str(error):
            # Repairing it would write half a file, or run half of what was asked.
            raise ToolError(
                f"The input of {spec.name} {error}: nothing was done.  {usage(spec)}", code="input"
            ) from None
    from json_repair import repair_json  # noqa: PLC0415  Only for input that is broken.

    try:
        return cast("Any", repair_json(text, return_objects=True))
    except ValueError:  # the library's error for input that is nested too deeply
        raise ToolError(f"The input of {spec.name} is not JSON.  {usage(spec)}") from None


def _shape(schema: object, depth: int = 0) -> str:
    """Write a schema the way people write an example."""
    if not isinstance(schema, Mapping) or depth > _ENCODED_DEPTH:
        return "…"
    described = cast("Mapping[str, Any]", schema)
    choices = described.get("enum", [described["const"]] if "const" in described else ())
    variants = described.get("anyOf", described.get("oneOf", ()))
    kind = described.get("type", "any JSON")
    if choices or variants:
        shown = [*map(json.dumps, choices), *(_shape(variant, depth) for variant in variants)]
        return " | ".join(shown)
    if kind == "array":
        return f"[{_shape(described.get('items', {}), depth + 1)}, …]"
    return _object_shape(described, depth) if kind == "object" else str(kind)


def _object_shape(schema: Mapping[str, Any], depth: int) -> str:
    required = schema.get("required", ())
    members = [
        f'"{name}"{"" if name in required else "?"}: {_shape(member, depth + 1)}'
        for name, member in schema.get("properties", {}).items()
    ]
    return f"{{{', '.join(members)}}}"
