"""MCP servers of a definition: their names, and variables of the environment in them."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from inhouse.definitions.schema.structure import Mistake

_RESOLVED = ("env", "headers")


def resolve_servers(
    values: Mapping[str, Any], environment: Mapping[str, str]
) -> tuple[Mapping[str, Any], list[Mistake]]:
    """Give each server with `$NAME` replaced, and what is wrong with them."""
    servers = values.get("mcpServers")
    if not isinstance(servers, Mapping):
        return {}, []
    mistakes: list[Mistake] = []
    resolved: dict[str, Any] = {}
    for name, config in cast("Mapping[str, Any]", servers).items():
        if "/" in name:
            message = f"A `/` in a server's name ({name!r}) cannot be told from `server/tool`."
            mistakes.append(Mistake(("mcpServers", name), "server-name", message, on_key=True))
        if isinstance(config, Mapping):
            given = _with_defaults(cast("Mapping[str, Any]", config))
            resolved[name] = given
            mistakes.extend(_resolve(name, given, environment))
    return resolved, mistakes


def _with_defaults(config: Mapping[str, Any]) -> dict[str, Any]:
    if "command" in config:
        return {"type": "stdio", "args": [], "env": {}, **config}
    return {"type": "http", "params": {}, "headers": {}, **config}


def _resolve(
    server: str, config: dict[str, Any], environment: Mapping[str, str]
) -> Iterator[Mistake]:
    for part in _RESOLVED:
        given = config.get(part)
        if not isinstance(given, Mapping):
            continue
        known: dict[str, Any] = {}
        for key, value in cast("Mapping[str, Any]", given).items():
            known[key] = value
            if not isinstance(value, str) or not value.startswith("$"):
                continue
            variable = value[1:]
            if variable in environment:
                known[key] = environment[variable]
                continue
            yield Mistake(
                ("mcpServers", server, part, key),
                "missing-variable",
                f"The environment variable {variable!r} is not set.  "
                "Set it before the editor or the terminal starts, or write the value.",
            )
        config[part] = known
