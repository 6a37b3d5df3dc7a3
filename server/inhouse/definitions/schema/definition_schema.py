"""The JSON Schema of a definition and the table of its fields, made from the types."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

import attrs
from attrs import NOTHING

from inhouse.definitions.schema.fields import Field, fields, members, wire_name
from inhouse.definitions.schema.shape import (
    CompactShape,
    DefinitionShape,
    ReasoningShape,
    RemoteServerShape,
    StdioServerShape,
)

_STRICT = (StdioServerShape, RemoteServerShape, CompactShape)
_SCALARS: Mapping[Any, str] = {str: "string", bool: "boolean", float: "number", int: "integer"}


def definition_schema() -> dict[str, Any]:
    """Return the schema with which editors check and complete JSON, YAML and TOML definitions."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Agent definition",
        "description": "An agent that Inhouse and Codebuff can run.",
        **_object(DefinitionShape),
        "allOf": [
            {
                "if": {"required": ["outputSchema"]},
                "then": {
                    "required": ["outputMode"],
                    "properties": {"outputMode": {"const": "structured_output"}},
                },
            }
        ],
    }


def fields_table() -> str:
    """Return the tables of docs/reference/definitions.md: the fields, then those of each object."""
    return "\n".join(_tables("", fields()))


def _tables(name: str, known: tuple[Field, ...]) -> Iterator[str]:
    if name:
        yield f"### `{name}`\n"
    yield "| field | type | default | meaning |"
    yield "| --- | --- | --- | --- |"
    yield from (_row(field) for field in known)
    yield ""
    for field in known:
        if field.fields:
            yield from _tables(f"{name}.{field.name}" if name else field.name, field.fields)


def _row(field: Field) -> str:
    kind = _kind(field).replace("|", "\\|")
    default = "required" if field.required else _shown(field)
    meaning = " ".join(part for part in (field.meaning, field.docs) if part)
    return f"| `{field.name}` | `{kind}` | {default} | {meaning} |"


def _kind(field: Field) -> str:
    if not field.fields:
        return field.type
    kind = "object by name" if field.container == "map" else "object"
    return f"boolean | {kind}" if field.type.startswith("boolean") else kind


def _shown(field: Field) -> str:
    if field.default is None:
        return ""
    if isinstance(field.default, bool):
        return "`true`" if field.default else "`false`"
    return f"`{field.default}`"


def _object(kind: Any) -> dict[str, Any]:
    attributes: tuple[Any, ...] = attrs.fields(kind)
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {wire_name(attribute): _property(attribute) for attribute in attributes},
    }
    required = [wire_name(a) for a in attributes if a.default is NOTHING]
    if required:
        schema["required"] = required
    if kind in _STRICT:
        schema["additionalProperties"] = False
    if kind is ReasoningShape:
        schema["anyOf"] = [{"required": ["max_tokens"]}, {"required": ["effort"]}]
    return schema


def _property(attribute: Any) -> dict[str, Any]:
    schema = _schema(attribute.type)
    if attribute.name == "id":
        schema["pattern"] = "^[a-z0-9-]+$"
    meaning = " ".join(_words(attribute.metadata))
    if meaning:
        schema["description"] = meaning
    if attribute.default is not NOTHING and attribute.default is not None:
        default = attribute.default
        schema["default"] = list(default) if isinstance(default, tuple) else default  # pyright: ignore[reportUnknownArgumentType]
    if wire_name(attribute) in {"outputSchema", "params"} and attribute.type != Mapping[str, str]:
        schema["properties"] = {"type": {"const": "object"}}
        schema["required"] = ["type"]
    return schema


def _schema(kind: Any) -> dict[str, Any]:
    kinds = members(kind)
    if len(kinds) > 1:
        return {"anyOf": [_schema(member) for member in kinds]}
    (kind,) = kinds or (str,)
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in _SCALARS:
        return {"type": _SCALARS[kind]}
    if origin is Literal:
        return {"type": "string", "enum": list(arguments)}
    if origin is tuple:
        return {"type": "array", "items": _schema(arguments[0])}
    if attrs.has(kind):
        return _object(kind)
    schema: dict[str, Any] = {"type": "object"}
    if arguments and arguments[-1] is not Any:
        schema["additionalProperties"] = _schema(arguments[-1])
    return schema


def _words(metadata: Mapping[str, Any]) -> Iterator[str]:
    for name in ("doc", "more"):
        if metadata.get(name):
            yield metadata[name]
