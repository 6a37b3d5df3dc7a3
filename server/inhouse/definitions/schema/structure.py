"""Turns a definition's values into its shape with cattrs: every mistake with its path."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Literal, get_args, get_origin

import attrs
import cattrs
from attrs import frozen
from cattrs.gen import make_dict_structure_fn, override

from inhouse.core.json_values import is_number, mapping
from inhouse.definitions.readers.parsed_values import Foreign, FunctionText
from inhouse.definitions.readers.source_ranges import JsonPath
from inhouse.definitions.schema.fields import members, wire_name
from inhouse.definitions.schema.shape import (
    CompactShape,
    DefinitionShape,
    RemoteServerShape,
    StdioServerShape,
)

_STRICT = (StdioServerShape, RemoteServerShape, CompactShape)
"""Objects in which Codebuff refuses unknown members."""
_Server = StdioServerShape | RemoteServerShape
_SHOWN = 40


@frozen
class Mistake:
    """What is wrong with the value at a path."""

    path: JsonPath
    code: str
    message: str
    on_key: bool = False


class _ShapeError(ValueError):
    """A value that does not fit its field."""


def structure(values: Mapping[str, Any]) -> tuple[DefinitionShape | None, list[Mistake]]:
    """Return the shape, or every mistake in the values."""
    try:
        return _converter().structure(values, DefinitionShape), []
    except cattrs.BaseValidationError as error:
        mistakes = list(_mistakes(error, ()))
        return None, mistakes


def describe(value: Any) -> str:  # noqa: PLR0911 - a table
    """Describe a value for a message."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str) and not isinstance(value, FunctionText):
        shown = value if len(value) <= _SHOWN else value[:_SHOWN] + "…"
        return f"the text {shown!r}"
    if value is None:
        return "null"
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, str):
        return str(value) if isinstance(value, Foreign) else "a function"
    return "a list"


@cache
def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=True)
    converter.register_structure_hook(str, _text)
    converter.register_structure_hook(bool, _truth)
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook_func(lambda kind: get_origin(kind) is Literal, _choice)
    converter.register_structure_hook_factory(_is_union, _union)
    converter.register_structure_hook_factory(lambda kind: get_origin(kind) is tuple, _list)
    converter.register_structure_hook_factory(lambda kind: get_origin(kind) is Mapping, _map)
    converter.register_structure_hook_factory(attrs.has, _object)
    return converter


def _text(value: Any, _kind: Any) -> str:
    if isinstance(value, str) and not isinstance(value, FunctionText):
        return value
    raise _ShapeError(f"must be a string, not {describe(value)}")


def _truth(value: Any, _kind: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise _ShapeError(f"must be true or false, not {describe(value)}")


def _number(value: Any, _kind: Any) -> float:
    if is_number(value):
        return value
    raise _ShapeError(f"must be a number, not {describe(value)}")


def _choice(value: Any, kind: Any) -> Any:
    choices = get_args(kind)
    if isinstance(value, str) and value in choices:
        return value
    allowed = ", ".join(repr(choice) for choice in choices)
    raise _ShapeError(f"must be one of {allowed}, not {describe(value)}")


def _is_union(kind: Any) -> bool:
    return len(members(kind)) > 1 or members(kind)[0] is not kind


def _union(kind: Any, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    kinds = members(kind)

    def structure_union(value: Any, _kind: Any) -> Any:
        chosen = _chosen(value, kinds)
        return converter.structure(value, chosen)

    return structure_union


def _chosen(value: Any, kinds: tuple[Any, ...]) -> Any:
    """Return the member of a union that a value most likely means."""
    if StdioServerShape in kinds and isinstance(value, Mapping):
        given = mapping(value)
        kind = given.get("type")
        remote = kind in ("http", "sse") or (kind != "stdio" and "command" not in given)
        return RemoteServerShape if remote else StdioServerShape
    if bool in kinds and not isinstance(value, Mapping):
        return bool
    if float in kinds and str in kinds:
        return float if isinstance(value, int | float) else str
    return kinds[-1]


def _list(kind: Any, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    item = get_args(kind)[0]

    def structure_list(value: Any, _kind: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise _ShapeError(f"must be a list, not {describe(value)}")
        return tuple(converter.structure(value, list[item]))  # pyright: ignore[reportUnknownArgumentType]

    return structure_list


def _map(kind: Any, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    item = get_args(kind)[1]

    def structure_map(value: Any, _kind: Any) -> Any:
        if not isinstance(value, Mapping):
            raise _ShapeError(f"must be an object, not {describe(value)}")
        return value if item is Any else converter.structure(value, dict[str, item])  # pyright: ignore[reportUnknownVariableType]

    return structure_map


def _object(kind: Any, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    names: dict[str, Any] = {
        attribute.name: override(rename=wire_name(attribute)) for attribute in attrs.fields(kind)
    }
    inner: Callable[[Any, Any], Any] = make_dict_structure_fn(
        kind, converter, _cattrs_forbid_extra_keys=kind in _STRICT, **names
    )

    def structure_object(value: Any, _kind: Any) -> Any:
        if not isinstance(value, Mapping):
            raise _ShapeError(f"must be an object, not {describe(value)}")
        given = mapping(value)
        if kind is CompactShape:
            given = {name: item for name, item in given.items() if item is not None}
        if kind is DefinitionShape and isinstance(given.get("handleSteps"), FunctionText):
            given = {**given, "handleSteps": str(given["handleSteps"])}
        return inner(given, kind)

    return structure_object


def _mistakes(error: BaseException, path: JsonPath) -> list[Mistake]:
    if isinstance(error, cattrs.ClassValidationError):
        inner, others = error.group_exceptions()
        found: list[Mistake] = []
        for exception, note in inner:
            attribute = attrs.fields_dict(error.cl)[note.name]
            name = wire_name(attribute)
            if isinstance(exception, KeyError):
                found.append(Mistake((*path, name), "missing-field", f"`{name}` is missing."))
            else:
                found += _mistakes(exception, (*path, name))
        for exception in others:
            found += _mistakes(exception, path)
        return found
    if isinstance(error, cattrs.IterableValidationError):
        inner_items, _ = error.group_exceptions()
        return [
            mistake
            for exception, note in inner_items
            for mistake in _mistakes(exception, (*path, note.index))
        ]
    if isinstance(error, cattrs.ForbiddenExtraKeysError):
        allowed = ", ".join(wire_name(attribute) for attribute in attrs.fields(error.cl))
        return [
            Mistake((*path, name), "unknown-field", f"No field `{name}` here.  Known: {allowed}.",
                    on_key=True)
            for name in sorted(error.extra_fields)
        ]  # fmt: skip
    return [Mistake(path, "wrong-type", f"`{_shown_path(path)}` {error}.")]


def _shown_path(path: JsonPath) -> str:
    shown = ""
    for part in path:
        shown += f"[{part}]" if isinstance(part, int) else f".{part}" if shown else part
    return shown
