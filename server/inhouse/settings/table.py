"""The table of settings, made from the declarations in `inhouse.core` (`inhouse.core.setting`)."""

from collections.abc import Mapping
from enum import Enum
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import attrs
from attrs import frozen

from inhouse.core.route import Endpoint
from inhouse.core.setting import SettingDeclaration, SettingScope, declaration
from inhouse.core.settings import McpServer, RouteRule, Settings

__all__ = [
    "BY_NAME",
    "CONNECTION",
    "ENDPOINT_BY_NAME",
    "ENDPOINT_KEYS",
    "KEYS",
    "MCP_SERVER_BY_NAME",
    "MCP_SERVER_KEYS",
    "ROUTE_BY_NAME",
    "ROUTE_KEYS",
    "Key",
    "SettingScope",
]


@frozen
class Key:
    """One setting, by the name that people write."""

    name: str
    """In camel case: ``maxSteps``."""
    field: str
    """The attribute that holds its value: ``max_steps``."""
    type: Any
    """The type as written, and as `inhouse.settings.check_values` checks it."""
    default: Any
    """As JSON."""
    declared: SettingDeclaration

    @property
    def scope(self) -> SettingScope:
        return self.declared.scope

    @property
    def description(self) -> str:
        return self.declared.description

    @property
    def examples(self) -> tuple[Any, ...]:
        return self.declared.examples


def _keys(holder: type[attrs.AttrsInstance]) -> tuple[Key, ...]:
    """Read the declarations of a class, in order."""
    types = get_type_hints(holder)
    return tuple(
        Key(
            name=_camel_case(attribute.name),
            field=attribute.name,
            type=declared.written or _written(types[attribute.name]),
            default=_json(attribute.default if attribute.default is not attrs.NOTHING else None)
            if declared.written_default is None
            else _json(declared.written_default),
            declared=declared,
        )
        for attribute in attrs.fields(holder)
        if (declared := declaration(attribute)) is not None
    )


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(one.capitalize() for one in others)


def _written(kind: object) -> Any:
    """Return a field's type as it is written in JSON and TOML."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (UnionType, Union):
        return _written(next(one for one in inner if one is not type(None)))
    if origin is tuple:
        return list[_written(inner[0])]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return dict[_written(inner[0]), _written(inner[1])]
    return kind


def _json(value: object) -> Any:
    match value:
        case Enum():
            return value.value
        case tuple():
            return list(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        case Mapping():
            return dict(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


KEYS = _keys(Settings)
ENDPOINT_KEYS = _keys(Endpoint)
ROUTE_KEYS = _keys(RouteRule)
MCP_SERVER_KEYS = _keys(McpServer)

BY_NAME = {key.name: key for key in KEYS}
ENDPOINT_BY_NAME = {key.name: key for key in ENDPOINT_KEYS}
ROUTE_BY_NAME = {key.name: key for key in ROUTE_KEYS}
MCP_SERVER_BY_NAME = {key.name: key for key in MCP_SERVER_KEYS}

CONNECTION = frozenset(key.name for key in ENDPOINT_KEYS if key.declared.is_connection)
"""The keys of an endpoint that belong together: they all come from one layer."""
