"""The client: what it said about itself in ``initialize``.

This is kept as the JSON it sent, so that one malformed capability does not affect the others.
``initialize`` waits for this module, so it does without attrs.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, cast

from pygls import uris

from inhouse.core.json_values import Json, fields, items


class EditorClient(NamedTuple):
    """What a client said; immutable."""

    roots: tuple[Path, ...]
    process_id: int | None = None
    capabilities: Mapping[str, Any] = MappingProxyType({})
    settings: Mapping[str, Any] | None = None
    """``initializationOptions.inhouse``."""
    trusted: bool | None = None
    """``initializationOptions.trusted``; None if the client does not know."""
    name: str = ""
    """``clientInfo.name``."""
    draws: frozenset[str] = frozenset()
    """``initializationOptions.draws``: what the client shows itself: ``freeText`` (questions
    that any text answers), ``choices`` (those with choices that do no harm),
    ``settingsProblems`` and ``lists`` (``inhouse/changed``)."""
    offers: frozenset[str] = frozenset()
    """``initializationOptions.offers``: what the client answers beyond LSP, ``diagnostics``."""

    def can(self, path: str) -> bool:
        """Return whether a capability (``workspace.applyEdit``) is declared."""
        value = self.capability(path)
        return value is not None and value is not False

    @property
    def registers_commands(self) -> bool:
        """Whether it takes commands that are registered after ``initialize``."""
        return self.can("workspace.executeCommand.dynamicRegistration")

    def capability(self, path: str) -> Any:
        """Return a capability's value as the client sent it, else None."""
        value: Any = self.capabilities
        for name in path.split("."):
            if not isinstance(value, Mapping):
                return None
            value = cast("Mapping[str, Any]", value).get(name)
        return value


def read_client(params: Any) -> EditorClient:
    """Read the parameters of ``initialize``, ignoring what is malformed."""
    params = fields(params)
    options = fields(params.get("initializationOptions"))
    trusted = options.get("trusted")
    process_id = params.get("processId")
    settings = options.get("inhouse")
    return EditorClient(
        roots=_roots(params),
        process_id=process_id if isinstance(process_id, int) else None,
        capabilities=fields(params.get("capabilities")),
        settings=fields(settings) if isinstance(settings, dict) else None,
        name=str(fields(params.get("clientInfo")).get("name", "")),
        trusted=trusted if isinstance(trusted, bool) else None,
        draws=_words(options.get("draws")),
        offers=_words(options.get("offers")),
    )


def to_path(uri: str) -> Path | None:
    """Return the path of a ``file:`` URI; None for anything else."""
    try:
        path = uris.to_fs_path(uri)
    except ValueError:  # For example, half an IPv6 address.
        return None
    return Path(path) if path else None


def real(path: Path) -> Path:
    """Return the path with links resolved: the host's name for a file, whatever the editor's is."""
    return Path(os.path.realpath(path))


def _words(value: Any) -> frozenset[str]:
    return frozenset(each for each in items(value) if isinstance(each, str))


def _roots(params: Json) -> tuple[Path, ...]:
    folders = params.get("workspaceFolders")
    found = [
        path
        for folder in items(folders)
        if isinstance(uri := fields(folder).get("uri"), str) and (path := to_path(uri)) is not None
    ]
    if not found and isinstance(uri := params.get("rootUri"), str):
        found = [path] if (path := to_path(uri)) is not None else []
    if not found and isinstance(root := params.get("rootPath"), str) and root:
        found = [Path(root)]
    return tuple(dict.fromkeys(found)) or _started_in()


def _started_in() -> tuple[Path, ...]:
    """Return the folder that the editor was started in; none if it is the user's home or above.

    Nobody opened that: an agent would read all that the user has.
    """
    from inhouse.core.files import holds_home  # noqa: PLC0415  nearly every client names a folder

    folder = Path.cwd()
    return () if holds_home(folder) else (folder,)
