"""The agents, for a client that must know their commands in ``initialize``.

Reading all definitions takes longer than an editor should wait, so the ids of the last session are
kept and used while nothing in the folders of agents was added, removed or changed.  Whether that
is so needs the names in each folder and the times of its files: no definition is read, and the
part of the server that knows definitions is not even imported.
"""

import hashlib
import json
import os
import threading
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inhouse import __version__
from inhouse.core.json_values import fields, texts
from inhouse.lsp.transport.client import EditorClient
from inhouse.store.state_folders import private, user_folders

if TYPE_CHECKING:
    import logging

    from inhouse.definitions.catalog.folders import AgentFolder


def kept_agent_ids(client: EditorClient, *, seconds: float) -> list[str] | None:
    """Return the ids of the last session; None if there are none or they may be others by now.

    Looks no longer than *seconds*, since a folder may be on a network that does not answer.
    """
    found: list[list[str]] = []

    def look() -> None:
        kept = _kept(client)
        if kept is not None:
            found.append(kept)

    looking = threading.Thread(target=look, name="kept agents", daemon=True)
    looking.start()
    looking.join(seconds)
    return found[0] if found else None


async def read_agent_ids(client: EditorClient) -> list[str]:
    """Return the ids that can be read without running anything."""
    from inhouse.definitions.catalog.catalog import Catalog  # noqa: PLC0415  slow

    catalog = Catalog(_folders(client), None)
    try:
        await catalog.load()
    except OSError as error:
        _logger().warning("Agents could not be read: %s", type(error).__name__)
    return list(catalog.agents)


def keep_agent_ids(client: EditorClient, agents: Collection[str]) -> None:
    """Keep the ids for the next ``initialize`` of this workspace.  May block; never raises."""
    if not client.roots:
        return
    from inhouse.core.files import replace_file  # noqa: PLC0415  as above
    from inhouse.definitions.catalog.folders import list_folder  # noqa: PLC0415  as above

    path = _file(client)
    listings = [list_folder(folder) for folder in _folders(client)]
    value = {
        "asked": _asked(client),
        "folders": _names(str(one) for each in listings for one in each.folders),
        "files": _stamps(str(one) for each in listings for one in each.files),
        "agents": list(agents),
    }
    try:
        private(path.parent)
        replace_file(path, json.dumps(value).encode(), prefix=path.name)
    except OSError as error:
        _logger().info("The list of agents was not kept: %s", type(error).__name__)


def _logger() -> "logging.Logger":
    import logging  # noqa: PLC0415  as above

    return logging.getLogger(__name__)


def _kept(client: EditorClient) -> list[str] | None:
    try:
        value = fields(json.loads(_file(client).read_text("utf-8")))
    except (OSError, ValueError):
        return None
    folders, files = fields(value.get("folders")), fields(value.get("files"))
    if value.get("asked") != _asked(client) or _names(folders) != folders:
        return None
    return texts(value.get("agents")) if _stamps(files) == files else None


def _asked(client: EditorClient) -> list[str]:
    """Return what decides which folders are looked into, apart from the workspace's roots."""
    return [__version__, str(Path(__file__)), str(Path.home()), *_named_folders(client)]


def _names(folders: Iterable[str]) -> dict[str, Any]:
    """Return the names in each folder; None for one that cannot be read."""
    names: dict[str, Any] = {}
    for folder in folders:
        try:
            names[folder] = sorted(os.listdir(folder))  # noqa: PTH208  a text is all that is needed
        except (OSError, ValueError):
            names[folder] = None
    return names


def _stamps(files: Iterable[str]) -> dict[str, Any]:
    """Return the time and size of each file; None for one that is gone."""
    stamps: dict[str, Any] = {}
    for path in files:
        try:
            status = os.stat(path)  # noqa: PTH116  as above
        except (OSError, ValueError):
            stamps[path] = None
        else:
            stamps[path] = [status.st_mtime_ns, status.st_size]
    return stamps


def _file(client: EditorClient) -> Path:
    name = hashlib.sha256("\0".join(map(str, client.roots)).encode("utf-8", "replace")).hexdigest()
    return user_folders().cache / "agent-ids" / f"{name[:32]}.json"


def _named_folders(client: EditorClient) -> list[str]:
    return texts((client.settings or {}).get("agentFolders"))


def _folders(client: EditorClient) -> "tuple[AgentFolder, ...]":
    from inhouse.definitions.catalog.folders import (  # noqa: PLC0415  as above
        agent_folders,
        on_board,
    )

    main = client.roots[0]
    extra = [main / Path(each).expanduser() for each in _named_folders(client)]
    return (*agent_folders(client.roots, Path.home(), extra), on_board())
