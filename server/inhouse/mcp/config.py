"""MCP servers as a definition or the settings name them."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from attrs import field, frozen

from inhouse.core.errors import UserError

_VARIABLE = re.compile(r"\$([A-Za-z_]\w*)|\$\{([A-Za-z_]\w*)\}")


@frozen
class StdioServer:
    """A program that speaks over its standard input and output."""

    name: str
    command: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(factory=dict[str, str], repr=False)
    source: str = ""
    """The file or setting that names it."""

    @property
    def command_line(self) -> str:
        """As a person would type it."""
        return " ".join(map(_quoted, (self.command, *self.args)))

    @property
    def identity(self) -> str:
        """Equal for servers that are one and the same."""
        return _digest("stdio", self.command, list(self.args), dict(self.env))


@frozen
class RemoteServer:
    """A server that speaks over HTTP."""

    name: str
    url: str
    sse: bool = False
    """The older way: a stream of events, and messages posted elsewhere."""
    params: Mapping[str, str] = field(factory=dict[str, str], repr=False)
    headers: Mapping[str, str] = field(factory=dict[str, str], repr=False)
    source: str = ""

    @property
    def identity(self) -> str:
        """Equal for servers that are one and the same."""
        kind = "sse" if self.sse else "http"
        return _digest(kind, self.url, dict(self.params), dict(self.headers))


Server = StdioServer | RemoteServer


def read_server(
    name: str, written: Mapping[str, Any], *, environment: Mapping[str, str], source: str
) -> Server:
    """Make a server of what is written, with `$NAME` filled in from *environment*.

    Raises `UserError` for what is no server, or names a variable that is not there.
    """
    if isinstance(command := written.get("command"), str) and command.strip():
        return StdioServer(
            name,
            command.strip(),
            _texts(written.get("args")),
            _filled(name, "env", written.get("env"), environment),
            source,
        )
    if isinstance(url := written.get("url"), str) and url.strip():
        return RemoteServer(
            name,
            url.strip(),
            written.get("type") == "sse",
            _filled(name, "params", written.get("params"), {}),
            _filled(name, "headers", written.get("headers"), environment),
            source,
        )
    raise UserError(
        f"MCP server {name!r} ({source}) names neither a `command` nor a `url`.  "
        'Write {"command": "npx", "args": [...]} or {"url": "https://..."}.'
    )


def variables_of(written: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the environment variables whose values the server would receive."""
    values = [
        value
        for part in ("env", "headers")
        for value in _mapping(written.get(part)).values()
        if isinstance(value, str)
    ]
    found = (_whole_variable(value) for value in values)
    return tuple(dict.fromkeys(name for name in found if name))


def relative_to(server: StdioServer, folder: Path) -> StdioServer:
    """Give the server with a command that is written as a path taken from *folder*."""
    from attrs import evolve  # noqa: PLC0415  only here

    if "/" not in server.command and "\\" not in server.command:
        return server
    return evolve(server, command=str((folder / Path(server.command).expanduser()).absolute()))


def _filled(server: str, part: str, written: Any, environment: Mapping[str, str]) -> dict[str, str]:
    filled: dict[str, str] = {}
    for key, value in _mapping(written).items():
        text = value if isinstance(value, str) else json.dumps(value)
        name = _whole_variable(text) if part in {"env", "headers"} else None
        if name is not None:
            if name not in environment:
                raise UserError(
                    f"MCP server {server!r}: the environment variable {name!r} "
                    f"(`{part}.{key}`) is not set."
                )
            text = environment[name]
        filled[str(key)] = text
    return filled


def _whole_variable(text: str) -> str | None:
    found = _VARIABLE.fullmatch(text)
    return (found[1] or found[2]) if found else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _texts(value: Any) -> tuple[str, ...]:
    items: Iterable[Any] = cast("Iterable[Any]", value) if isinstance(value, list | tuple) else ()
    return tuple(map(str, items))


def _quoted(text: str) -> str:
    return text if re.fullmatch(r"[\w@%+=:,./\\-]+", text) else json.dumps(text, ensure_ascii=False)


def _digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
