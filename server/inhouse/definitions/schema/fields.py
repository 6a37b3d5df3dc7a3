"""The table of a definition's fields, for hover, completion, messages and the reference."""

from collections.abc import Iterator
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import attrs
from attrs import NOTHING, Attribute, frozen

from inhouse.definitions.readers.source_ranges import JsonPath
from inhouse.definitions.schema.shape import DefinitionShape


@frozen
class Field:
    """One field, as a user writes it."""

    name: str
    type: str
    """In TypeScript's notation, such as ``string[]``."""
    meaning: str
    docs: str
    """Rules worth knowing; may be empty."""
    required: bool
    default: Any
    """None if there is none."""
    choices: tuple[str, ...]
    """The values of an enumeration, or of a list of them."""
    fields: tuple["Field", ...]
    """Of an object."""
    container: str
    """How a value holds its ``fields``: ``object``, ``map``, ``list`` or empty."""


@cache
def fields() -> tuple[Field, ...]:
    """Return every field of a definition, required ones first."""
    return tuple(_field(attribute) for attribute in attrs.fields(DefinitionShape))


def field_at(path: JsonPath) -> Field | None:
    """Return the field at a path; a list's index means the list."""
    known, current, inside_map = fields(), None, False
    for part in path:
        if isinstance(part, int):
            continue
        if inside_map:
            inside_map = False
            continue
        current = next((field for field in known if field.name == part), None)
        if current is None:
            return None
        known, inside_map = current.fields, current.container == "map"
    return current


def fields_at(path: JsonPath) -> tuple[Field, ...]:
    """Return the fields that may be keys in the object at *path*."""
    if not path:
        return fields()
    current = field_at(path)
    if current is None or (current.container == "map" and len(path) == 1):
        return ()
    return current.fields


def wire_name(attribute: "Attribute[Any]") -> str:
    return attribute.metadata.get("wire") or attribute.name


def members(kind: object) -> tuple[Any, ...]:
    """Return the types of a union, without None."""
    if get_origin(kind) in {Union, UnionType}:
        return tuple(member for member in get_args(kind) if member is not NoneType)
    return (kind,)


FIELD_NAMES = frozenset(wire_name(attribute) for attribute in attrs.fields(DefinitionShape))


def _field(attribute: "Attribute[Any]") -> Field:
    required = attribute.default is NOTHING
    default = None if required else attribute.default
    nested, container = _nested(attribute.type)
    return Field(
        wire_name(attribute),
        attribute.metadata.get("kind") or _type_text(attribute.type),
        attribute.metadata.get("doc", ""),
        attribute.metadata.get("more", ""),
        required,
        list(default) if isinstance(default, tuple) else default,  # pyright: ignore[reportUnknownArgumentType]
        tuple(_choices(attribute.type)),
        nested,
        container,
    )


def _nested(kind: object) -> tuple[tuple[Field, ...], str]:
    for member in members(kind):
        if attrs.has(member):
            return tuple(_field(attribute) for attribute in attrs.fields(member)), "object"
        arguments = get_args(member)
        values = members(arguments[-1]) if arguments else ()
        shapes = [shape for shape in values if attrs.has(shape)]
        if shapes:
            merged = {
                field.name: field for shape in shapes for field in map(_field, attrs.fields(shape))
            }
            return tuple(merged.values()), "map"
        if get_origin(member) is tuple:
            return (), "list"
    return (), ""


def _choices(kind: object) -> Iterator[str]:
    for member in members(kind):
        if get_origin(member) is Literal:
            yield from get_args(member)
        elif get_origin(member) is tuple:
            yield from _choices(get_args(member)[0])


def _type_text(kind: object) -> str:
    return " | ".join(dict.fromkeys(_member_text(member) for member in members(kind)))


def _member_text(kind: Any) -> str:
    simple = {str: "string", bool: "boolean", float: "number", int: "number"}
    if kind in simple:
        return simple[kind]
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return " | ".join(f"'{choice}'" for choice in arguments)
    if origin is tuple:
        inner = _member_text(arguments[0])
        return f"({inner})[]" if "|" in inner else f"{inner}[]"
    if attrs.has(kind):
        return "{ " + ", ".join(_member_keys(kind)) + " }"
    if arguments and arguments[-1] is not Any:
        return f"Record<string, {_type_text(arguments[-1])}>"
    return "object"


def _member_keys(kind: object) -> Iterator[str]:
    for attribute in attrs.fields(kind):
        optional = "" if attribute.default is NOTHING else "?"
        yield f"{wire_name(attribute)}{optional}: {_type_text(attribute.type)}"
