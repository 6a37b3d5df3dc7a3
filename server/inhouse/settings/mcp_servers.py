"""MCP servers merged from layers: each is taken as a whole from one layer, with its secrets.

A workspace may name its own servers and switch off the user's, but cannot redirect those.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from attrs import evolve, frozen

from inhouse.core import placeholders
from inhouse.core.errors import UserError
from inhouse.core.settings import McpServer, McpTransport

from . import check_values
from .problem_report import Report
from .table import MCP_SERVER_BY_NAME

_FILLED = ("env", "headers")
_OF_PROGRAMS = ("command", "args", "env")
_OF_URLS = ("url", "params", "headers")


@frozen
class Part:
    """What one layer says about one server."""

    report: Report
    name: str
    server: McpServer | None
    """None if it says too little to make a server, or something wrong."""
    enabled: bool | None = None


def read_parts(written: object, report: Report) -> list[Part]:
    """Check what a layer says about servers; what is wrong is reported and loses that server."""
    if not isinstance(written, Mapping):
        report.error(("mcpServers",), "expected an object of MCP servers by name")
        return []
    named = cast("Mapping[str, Any]", written)
    if report.layer.for_base_agents and not report.layer.trusted:
        message = "These MCP servers start only when you trust this workspace."
        report.hint(("mcpServers",), message, "needs-trust")
    return [_part(name, one, report) for name, one in named.items() if one is not None]


def merge(layers: Sequence[Sequence[Part]]) -> dict[str, McpServer]:
    """Return each server as the layers have it, nearest first; the user's own win by name."""
    owners: dict[str, Part] = {}
    for part in _users_first([part for parts in layers for part in parts]):
        if part.server is None:
            continue
        if part.name not in owners:
            owners[part.name] = part
        elif part.report.layer.from_workspace and not owners[part.name].report.layer.from_workspace:
            part.report.warning(
                ("mcpServers", part.name),
                f"Your own settings have an MCP server {part.name!r}.  A workspace cannot "
                "redirect it, so this has no effect.  Give the workspace's server another name.",
                "only-narrower",
            )
    return {name: _switched(part, layers) for name, part in owners.items()}


def _users_first(parts: list[Part]) -> list[Part]:
    return sorted(parts, key=lambda part: part.report.layer.from_workspace)


def _switched(owner: Part, layers: Sequence[Sequence[Part]]) -> McpServer:
    """Switch a server off if its own layer, or any of the workspace's, says so."""
    assert owner.server is not None  # noqa: S101  `merge` has looked
    said = [part for parts in layers for part in parts if part.name == owner.name]
    mine = [part.enabled for part in said if not part.report.layer.from_workspace]
    theirs = [part.enabled for part in said if part.report.layer.from_workspace]
    own = next((each for each in mine if each is not None), True)
    return evolve(owner.server, enabled=own and False not in theirs)


def _part(name: str, written: object, report: Report) -> Part:
    path = ("mcpServers", name)
    if not name.strip() or "/" in name:
        report.error(path, "A server's name has no `/`: `server/tool` names one of its tools.")
        return Part(report, name, None)
    if not isinstance(written, Mapping):
        report.error(path, 'An MCP server is an object: { command = "uvx", args = ["…"] }.')
        return Part(report, name, None)
    checked, failed = _checked(path, cast("Mapping[str, Any]", written), report)
    enabled = checked.pop("enabled", None)
    if failed or not checked:
        return Part(report, name, None, enabled)
    if (problem := _contradiction(checked)) is not None:
        report.error(path, problem)
        return Part(report, name, None, enabled)
    layer = report.layer
    values = {MCP_SERVER_BY_NAME[key].field: value for key, value in checked.items()}
    server = McpServer(
        name,
        report.place(path),
        from_workspace=layer.from_workspace,
        for_base_agents=layer.for_base_agents,
        **values,
    )
    if layer.for_base_agents:  # Codebuff starts them in the workspace, which paths begin at.
        return Part(report, name, server, enabled)
    return Part(report, name, evolve(server, command=_program(server, layer.path)), enabled)


def _checked(
    path: tuple[str, str], written: Mapping[str, Any], report: Report
) -> tuple[dict[str, Any], bool]:
    checked: dict[str, Any] = {}
    failed = False
    for key_name, value in written.items():
        key = MCP_SERVER_BY_NAME.get(key_name)
        if key is None:
            report.unknown_key((*path, key_name), tuple(MCP_SERVER_BY_NAME))
            continue
        if value is None:
            continue
        typed, bad = check_values.check(value, key)
        for one in bad:
            report.error((*path, key_name, *one.path), one.message)
        if key_name in _FILLED and typed is not None:
            failed = _wrong_placeholder((*path, key_name), typed, report) or failed
        failed = failed or bool(bad)
        if typed is not None:
            checked[key_name] = tuple(typed) if isinstance(typed, list) else typed  # pyright: ignore[reportUnknownArgumentType]
    return checked, failed


def _wrong_placeholder(path: tuple[str, ...], texts: Mapping[str, str], report: Report) -> bool:
    wrong = False
    for name, text in texts.items():
        try:
            placeholders.check(text)
            if path[-1] == "headers":
                check_values.header(name, "")
        except UserError as error:
            report.error((*path, name), str(error))
            wrong = True
    return wrong


def _contradiction(checked: Mapping[str, Any]) -> str | None:
    """Say why the values do not describe one server."""
    program, url = checked.get("command"), checked.get("url")
    if program and url:
        return "It has a command and a url.  A server is a program or a URL; write one of them."
    if not program and not url:
        return 'It has no command and no url.  Write command = "…" or url = "https://…".'
    kind = checked.get("type")
    if kind is not None and (kind is McpTransport.STDIO) is not bool(program):
        return f"type {kind.value!r} does not go with {'a command' if program else 'a url'}."
    strange = [key for key in (_OF_URLS if program else _OF_PROGRAMS) if checked.get(key)]
    if strange:
        return f"{strange[0]} does not go with {'a command' if program else 'a url'}."
    return None


def _program(server: McpServer, file: Path | None) -> str | None:
    """Resolve a program given as a path against the file that names it."""
    command = server.command
    if command is None or file is None or not ("/" in command or "\\" in command):
        return command
    return str(file.parent / Path(command).expanduser())
