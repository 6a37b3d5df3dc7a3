"""The agents, for a client that must know their commands in ``initialize``.

Reading all definitions takes longer than an editor should wait, so the ids of the last session are
kept and used while no file in the folders of agents was added, removed or changed.
"""

import asyncio
import hashlib
import json
import logging
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from inhouse.core.json_values import fields, items
from inhouse.definitions.catalog.folders import (
    AgentFolder,
    agent_folders,
    list_folder,
    on_board,
)
from inhouse.lsp.transport.client import EditorClient
from inhouse.store.state_folders import private, user_folders

logger = logging.getLogger(__name__)


async def agent_ids(client: EditorClient) -> list[str]:
    """Return the kept ids, or those that can be read without running anything."""
    folders = _folders(client)
    kept = await asyncio.to_thread(_kept, client, folders)
    if kept is not None:
        return kept
    from inhouse.definitions.catalog.catalog import Catalog  # noqa: PLC0415  slow

    catalog = Catalog(folders, None)
    try:
        await catalog.load()
    except OSError as error:
        logger.warning("Agents could not be read: %s", type(error).__name__)
    return list(catalog.agents)


def keep_agent_ids(client: EditorClient, agents: Collection[str]) -> None:
    """Keep the ids for the next ``initialize`` of this workspace.  May block; never raises."""
    if not client.roots:
        return
    path = _file(client)
    value = {"files": _stamps(_folders(client)), "agents": list(agents)}
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        private(path.parent)
        temporary.write_text(json.dumps(value), "utf-8")
        temporary.replace(path)
    except OSError as error:
        logger.info("The list of agents was not kept: %s", type(error).__name__)


def _kept(client: EditorClient, folders: tuple[AgentFolder, ...]) -> list[str] | None:
    try:
        value = fields(json.loads(_file(client).read_text("utf-8")))
    except (OSError, ValueError):
        return None
    if value.get("files") != _stamps(folders):
        return None
    return [each for each in items(value.get("agents")) if isinstance(each, str)]


def _stamps(folders: tuple[AgentFolder, ...]) -> Mapping[str, Any]:
    """Return the time and size of each file that may hold a definition."""
    stamps: dict[str, Any] = {}
    for folder in folders:
        for path in list_folder(folder).files:
            try:
                status = path.stat()
            except OSError:
                stamps[str(path)] = None
            else:
                stamps[str(path)] = [status.st_mtime_ns, status.st_size]
    return stamps


def _file(client: EditorClient) -> Path:
    name = hashlib.sha256("\0".join(map(str, client.roots)).encode("utf-8", "replace")).hexdigest()
    return user_folders().cache / "agent-ids" / f"{name[:32]}.json"


def _folders(client: EditorClient) -> tuple[AgentFolder, ...]:
    main = client.roots[0]
    named = items((client.settings or {}).get("agentFolders"))
    extra = [main / Path(each).expanduser() for each in named if isinstance(each, str)]
    return (*agent_folders(client.roots, Path.home(), extra), on_board())
