"""Where settings come from: files, read here, and editors, whose door makes a `Layer`."""

import json
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from attrs import evolve, field, frozen

from inhouse.bounded_toml import load_toml
from inhouse.core.files import ReadBytes, read_regular
from inhouse.core.json_values import fields
from inhouse.core.positions import position_at, utf16_length
from inhouse.core.text import START, Position, Range, Severity

WORKSPACE_FILE = "inhouse.toml"
USER_FILE = "config.toml"
SERVERS_FILE = "mcp.json"
"""Codebuff's, in a folder of agents: MCP servers for its base agents."""

_LARGEST = 500_000
"""In bytes; more than anybody writes, so that a hostile file cannot keep the server busy."""


@frozen
class SettingsProblem:
    """What is wrong with a setting, and where."""

    key: str
    """Dotted: ``endpoints.team.baseUrl``.  Empty for the whole file."""
    message: str
    """What is wrong and what would work; never a key or a header's value."""
    source: str
    """The layer: a file, or who sent it."""
    severity: Severity = Severity.ERROR
    code: str = "bad-value"
    path: Path | None = None
    """None for an editor's settings, which are in no file."""
    range: Range = START


@frozen
class Layer:
    """Settings from one place."""

    values: Mapping[str, Any] = field(repr=False)
    source: str
    """For people: ``the editor's settings``, ``inhouse.toml``."""
    path: Path | None = None
    from_workspace: bool = False
    trusted: bool = True
    """False for a workspace that is not trusted: it is checked but has no effect."""
    text: str | None = field(default=None, repr=False)
    """A file's text, to find positions in."""
    broken: SettingsProblem | None = None
    """The file could not be read, so what it sets is unknown."""
    for_base_agents: bool = False
    """It is a ``mcp.json``: the agents named ``base…`` get its MCP servers."""
    narrows_only: bool = False
    """What a workspace's file said when it was trusted, if it has changed since.  This narrows
    what the user set until the user has seen the change."""


def editor_layer(values: object, source: str = "the editor's settings") -> Layer:
    """Make a layer from what an editor sent; None and ``{}`` make an empty one."""
    if values is None:
        return Layer({}, source)
    if not isinstance(values, Mapping):
        problem = SettingsProblem(
            "", "The section 'inhouse' is an object of settings.", source, code="bad-section"
        )
        return Layer({}, source, broken=problem)
    return Layer(cast("Mapping[str, Any]", values), source)


def editor_layers(values: object) -> tuple[Layer, ...]:
    """Make layers from what an editor sent, nearest first.

    An editor that keeps settings in the workspace too (``.vscode/settings.json``) sends those
    separately, as ``workspace``: they must not receive the user's keys.
    """
    if not isinstance(values, Mapping):
        return (editor_layer(values),)
    own = dict(cast("Mapping[str, Any]", values))
    brought = own.pop("workspace", None)
    if not isinstance(brought, Mapping):
        return (editor_layer(own),)
    theirs = Layer(
        cast("Mapping[str, Any]", brought),
        "the workspace's settings in the editor",
        from_workspace=True,
    )
    return (theirs, editor_layer(own))


def layers_from_files(
    workspace_roots: Sequence[Path],
    config_folder: Path,
    *,
    trusted: bool = True,
    before: Mapping[Path, bytes] | None = None,
    read: ReadBytes = read_regular,
) -> tuple[Layer, ...]:
    """Read ``inhouse.toml`` of the workspace and ``config.toml`` of the user, nearest first.

    A missing file makes no layer.  ``before`` is what the workspace's files said when they were
    trusted, if they have changed since.
    """
    found = [
        file_layer(root / WORKSPACE_FILE, from_workspace=True, trusted=trusted, read=read)
        for root in workspace_roots
    ]
    found += [_as_trusted(root / WORKSPACE_FILE, text) for root, text in (before or {}).items()]
    found.append(file_layer(config_folder / USER_FILE))
    return tuple(layer for layer in found if layer is not None)


def server_layers(
    workspace_roots: Sequence[Path],
    home: Path,
    *,
    trusted: Callable[[Path], bool] = lambda _: True,
    read: ReadBytes = read_regular,
) -> tuple[Layer, ...]:
    """Read ``.agents/mcp.json`` of the workspace, of its parent folder and of the home folder.

    Nearest first; a file that is not there makes no layer.
    """
    own = home / ".agents"
    folders = (*workspace_roots, *(root.parent for root in workspace_roots))
    theirs = dict.fromkeys(folder / ".agents" for folder in folders)
    found = [
        _servers_layer(path, read, from_workspace=True, trusted=trusted(path))
        for path in (folder / SERVERS_FILE for folder in theirs if folder != own)
    ]
    found.append(_servers_layer(own / SERVERS_FILE, read_regular))
    return tuple(layer for layer in found if layer is not None)


def _servers_layer(
    path: Path, read: ReadBytes, *, from_workspace: bool = False, trusted: bool = True
) -> Layer | None:
    layer = Layer({}, str(path), path, from_workspace, trusted, for_base_agents=True)
    try:
        text = _sized(read(path)).decode("utf-8-sig")
        named = fields(json.loads(text))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        message = f"{path.name} cannot be read as JSON: {why}.  None of its MCP servers counts."
        problem = SettingsProblem("", message, str(path), Severity.ERROR, "bad-json", path)
        return evolve(layer, broken=problem)
    servers = {name: named[name] for name in ("mcpServers",) if name in named}
    return evolve(layer, values=servers, text=text)


def _sized(raw: bytes) -> bytes:
    if len(raw) > _LARGEST:
        raise ValueError(f"it is larger than {_LARGEST:,} bytes")
    return raw


def file_layer(
    path: Path,
    *,
    from_workspace: bool = False,
    trusted: bool = True,
    read: ReadBytes = read_regular,
) -> Layer | None:
    """Read one TOML file; None if there is none."""
    try:
        raw = read(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return _broken(path, f"{path.name} cannot be read: {error.strerror}.", from_workspace)
    if len(raw) > _LARGEST:
        return _broken(path, f"{path.name} is larger than {_LARGEST:,} bytes.", from_workspace)
    return text_layer(path, raw, from_workspace=from_workspace, trusted=trusted)


def text_layer(
    path: Path, text: bytes | str, *, from_workspace: bool = False, trusted: bool = True
) -> Layer:
    """Make a layer from a TOML file's text, saved or not."""
    try:
        text = text if isinstance(text, str) else text.decode("utf-8-sig")
        values = load_toml(text)
    except UnicodeDecodeError:
        return _broken(path, f"{path.name} is not UTF-8.  Save it as UTF-8.", from_workspace)
    except tomllib.TOMLDecodeError as error:
        return _broken(path, str(error), from_workspace, text=cast("str", text), trusted=trusted)
    except ValueError as error:  # For example, a number of thousands of digits.
        return _broken(path, f"{path.name} cannot be read: {error}.", from_workspace)
    inner = values.get("inhouse")
    if isinstance(inner, dict) and len(values) == 1:
        values = cast("dict[str, Any]", inner)
    return Layer(values, str(path), path, from_workspace, trusted, text)


def _as_trusted(path: Path, text: bytes) -> Layer:
    layer = text_layer(path, text, from_workspace=True)
    return evolve(layer, source=f"{path} as you trusted it", broken=None, narrows_only=True)


def _broken(
    path: Path,
    message: str,
    from_workspace: bool,  # noqa: FBT001
    *,
    text: str | None = None,
    trusted: bool = True,
) -> Layer:
    at = re.search(r"\(at line (\d+), column (\d+)\)", message)
    where = START
    if at is not None:
        line, column = int(at[1]) - 1, int(at[2]) - 1
        written = (text or "").split("\n")[line : line + 1]
        before = "".join(written)[:column]
        end = utf16_length(before)
        where = Range(Position(line, utf16_length(before[:-1])), Position(line, end))
    elif text is not None:
        end_of_text = position_at(text, len(text))
        where = Range(end_of_text, end_of_text)
    if text is not None:
        message = f"This is not TOML: {message}.  Nothing in {path.name} takes effect until it is."
    problem = SettingsProblem("", message, str(path), Severity.ERROR, "bad-toml", path, where)
    return Layer({}, str(path), path, from_workspace, trusted, text, problem)
