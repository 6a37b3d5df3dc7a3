"""MCP servers of a definition: their names and environment variables."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from inhouse.definitions.schema.structure import Mistake

_RESOLVED = ("env", "headers")


def check_servers(
    values: Mapping[str, Any], environment: Mapping[str, str]
) -> tuple[Mapping[str, Any], list[Mistake]]:
    """Return each server with its defaults, and what is wrong with them.

    `$NAME` stays as written: its value is read only when the server starts.
    """
    servers = values.get("mcpServers")
    if not isinstance(servers, Mapping):
        return {}, []
    mistakes: list[Mistake] = []
    checked: dict[str, Any] = {}
    for name, config in cast("Mapping[str, Any]", servers).items():
        if "/" in name:
            message = (
                f"A `/` in a server's name ({name!r}) would be read as `server/tool`, so "
                "`toolNames` cannot choose among its tools."
            )
            mistakes.append(Mistake(("mcpServers", name), "server-name", message, on_key=True))
        if isinstance(config, Mapping):
            checked[name] = _with_defaults(cast("Mapping[str, Any]", config))
            mistakes.extend(_missing(name, checked[name], environment))
    return checked, mistakes


def _with_defaults(config: Mapping[str, Any]) -> dict[str, Any]:
    if "command" in config:
        return {"type": "stdio", "args": [], "env": {}, **config}
    return {"type": "http", "params": {}, "headers": {}, **config}


def _missing(
    server: str, config: Mapping[str, Any], environment: Mapping[str, str]
) -> Iterator[Mistake]:
    for part in _RESOLVED:
        given = config.get(part)
        if not isinstance(given, Mapping):
            continue
        for key, value in cast("Mapping[str, Any]", given).items():
            if not isinstance(value, str) or not value.startswith("$"):
                continue
            if (variable := value[1:]) not in environment:
                # Without its headers a server only refuses: Codebuff loads the agent.
                yield Mistake(
                    ("mcpServers", server, part, key),
                    "missing-variable" if part == "env" else "header-variable",
                    f"The environment variable {variable!r} is not set.  "
                    "Set it before the editor or the terminal starts, or write the value.",
                )
