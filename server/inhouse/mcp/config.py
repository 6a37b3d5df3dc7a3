"""MCP servers as a definition or the settings name them."""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from attrs import field, frozen

from inhouse.core.errors import UserError
from inhouse.core.secret import Secret

_VARIABLE = re.compile(r"\$([A-Za-z_]\w*)|\$\{([A-Za-z_]\w*)\}")
_WITHIN = re.compile(r"\$([A-Z_][A-Z0-9_]*)")
"""A variable within a text, as in Codebuff: ``Bearer $TOKEN``."""

Fill = Callable[[str], str]
"""Fills in what a text of ``env`` or ``headers`` names.  Raises `UserError`."""


@frozen
class StdioServer:
    """A server program that uses its standard input and output."""

    name: str
    command: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(factory=dict[str, str], repr=False)
    source: str = ""
    """The file or setting that names it."""
    written: Mapping[str, str] = field(factory=dict[str, str], repr=False, eq=False)
    """``env`` as written there, with variables' names instead of their values."""

    @property
    def command_line(self) -> str:
        """The command line as a person would type it."""
        return " ".join(map(_quoted, (self.command, *self.args)))

    @property
    def identity(self) -> str:
        """Equal for servers that are the same."""
        return _digest("stdio", self.command, list(self.args), dict(self.env))

    @property
    def what(self) -> str:
        """Its description, without secrets."""
        return self.command_line


@frozen
class RemoteServer:
    """A server that uses HTTP."""

    name: str
    url: str
    sse: bool = False
    """The older transport: a stream of events, with messages posted to another URL."""
    params: Mapping[str, str] = field(factory=dict[str, str], repr=False)
    headers: Mapping[str, str] = field(factory=dict[str, str], repr=False)
    source: str = ""

    @property
    def identity(self) -> str:
        """Equal for servers that are the same."""
        kind = "sse" if self.sse else "http"
        return _digest(kind, self.url, dict(self.params), dict(self.headers))

    @property
    def what(self) -> str:
        """Its description, without secrets."""
        return self.url


Server = StdioServer | RemoteServer


def read_server(name: str, written: Mapping[str, Any], *, fill: Fill, source: str) -> Server:
    """Read a server's configuration, with ``env`` and ``headers`` filled in.

    Raises `UserError` if it is not a server, or names something that does not exist.
    """
    if isinstance(command := written.get("command"), str) and command.strip():
        return StdioServer(
            name,
            command.strip(),
            _texts(written.get("args")),
            _filled(name, "env", written.get("env"), fill),
            source,
            _filled(name, "env", written.get("env"), str),
        )
    if isinstance(url := written.get("url"), str) and url.strip():
        return RemoteServer(
            name,
            url.strip(),
            written.get("type") == "sse",
            _filled(name, "params", written.get("params"), str),
            _filled(name, "headers", written.get("headers"), fill),
            source,
        )
    raise UserError(
        f"MCP server {name!r} ({source}) names neither a `command` nor a `url`.  "
        'Write {"command": "npx", "args": [...]} or {"url": "https://..."}.'
    )


def variables_of(written: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the environment variables whose values the server would receive."""
    values = [
        value
        for part in ("env", "headers")
        for value in _mapping(written.get(part)).values()
        if isinstance(value, str)
    ]
    found: list[str] = []
    for value in values:
        whole = _whole_variable(value)
        found += [whole] if whole else _WITHIN.findall(value)
    return tuple(dict.fromkeys(found))


def from_environment(environment: Mapping[str, str]) -> Fill:
    """Fill ``$NAME`` in a definition as Codebuff does: if it stands alone, it must be set."""

    def fill(text: str) -> str:
        name = _whole_variable(text)
        if name is None:
            return _WITHIN.sub(lambda found: environment.get(found[1], found[0]), text)
        if name not in environment:
            raise UserError(f"the environment variable {name!r} is not set.")
        return environment[name]

    return fill


def with_placeholders(text: str) -> str:
    """Return a text of the settings with ``$NAME`` as the placeholder it stands for."""
    return _WITHIN.sub(r"${env:\1}", text)


def relative_to(server: StdioServer, folder: Path) -> StdioServer:
    """Return the server with a command given as a path resolved against *folder*."""
    from attrs import evolve  # noqa: PLC0415  only here

    if "/" not in server.command and "\\" not in server.command:
        return server
    return evolve(server, command=str((folder / Path(server.command).expanduser()).absolute()))


def _filled(server: str, part: str, written: object, fill: Fill) -> dict[str, str]:
    filled: dict[str, str] = {}
    for key, value in _mapping(written).items():
        text = value if isinstance(value, str) else json.dumps(value)
        try:
            filled[str(key)] = fill(text)
        except UserError as error:
            raise UserError(f"MCP server {server!r} (`{part}.{key}`): {error}") from None
        if filled[str(key)] != text:
            Secret(filled[str(key)])  # from now on it is known and removed from output
    return filled


def _whole_variable(text: str) -> str | None:
    found = _VARIABLE.fullmatch(text)
    return (found[1] or found[2]) if found else None


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _texts(value: object) -> tuple[str, ...]:
    items: Iterable[Any] = cast("Iterable[Any]", value) if isinstance(value, list | tuple) else ()
    return tuple(map(str, items))


def _quoted(text: str) -> str:
    return text if re.fullmatch(r"[\w@%+=:,./\\-]+", text) else json.dumps(text, ensure_ascii=False)


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
