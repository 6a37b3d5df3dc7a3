"""The settings as a JSON Schema, for editors of JSON and TOML."""

from enum import Enum
from typing import Any, get_args, get_origin

from inhouse.core.route import NOT_IN_SETTINGS

from .table import ENDPOINT_KEYS, KEYS, MCP_SERVER_KEYS, ROUTE_KEYS, Key, SettingScope

_SIMPLE = {str: "string", bool: "boolean", int: "integer", float: "number"}


def settings_schema() -> dict[str, Any]:
    """Return the schema of section ``inhouse``, and of ``inhouse.toml`` and ``config.toml``."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Inhouse settings",
        **_object(KEYS),
    }


def key_schema(key: Key) -> dict[str, Any]:
    """Return the schema of one setting."""
    if key.name == "endpoints":
        shape: dict[str, Any] = {
            "type": "object",
            "propertyNames": {"not": {"enum": [*NOT_IN_SETTINGS]}},
            "additionalProperties": _object(ENDPOINT_KEYS),
        }
    elif key.name == "routes":
        item = _object(ROUTE_KEYS) | {"required": ["agents", "endpoint"]}
        shape = {"type": "array", "items": item}
    elif key.name == "mcpServers":
        shape = {
            "type": "object",
            "propertyNames": {"pattern": "^[^/]+$"},
            "additionalProperties": _object(MCP_SERVER_KEYS),
        }
    else:
        shape = _shape(key.type)
    declared = key.declared
    bounds = (
        ("minimum", declared.minimum),
        ("exclusiveMinimum", declared.above),
        ("maximum", declared.maximum),
    )
    shape |= {name: bound for name, bound in bounds if bound is not None}
    description = key.description
    if key.scope is SettingScope.USER:
        description += " Only your own settings can set it, not a file of a workspace."
    if key.scope is SettingScope.NARROWING:
        description += " A workspace can only narrow your own setting."
    if key.scope is SettingScope.OWNER:
        description += " A workspace can set it only for its own endpoints."
    shape["description"] = description
    if key.default is not None:
        shape["default"] = key.default
    else:
        shape["type"] = [shape["type"], "null"]
        if "enum" in shape:
            shape["enum"] = [*shape["enum"], None]
    if key.examples:
        shape["examples"] = list(key.examples)
    return shape


def _object(keys: tuple[Key, ...]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {key.name: key_schema(key) for key in keys},
        "additionalProperties": False,
    }


def _shape(kind: Any) -> dict[str, Any]:
    if kind is Any:
        return {}
    if kind in _SIMPLE:
        return {"type": _SIMPLE[kind]}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"type": "string", "enum": [str(one.value) for one in kind]}
    inner = _shape(get_args(kind)[-1])
    if get_origin(kind) is list:
        return {"type": "array", "items": inner}
    return {"type": "object", "additionalProperties": inner}
