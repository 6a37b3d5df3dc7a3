"""The agents there are, for a client that must know their commands in ``initialize``."""

import logging
from pathlib import Path

from inhouse.core.json_values import items
from inhouse.lsp.transport.client import EditorClient

logger = logging.getLogger(__name__)


async def agent_ids(client: EditorClient) -> list[str]:
    """Give the ids of the agents that can be read without running anything."""
    from inhouse.definitions.catalog.catalog import (  # noqa: PLC0415  slow
        Catalog,
        agent_folders,
        on_board,
    )

    main = client.roots[0]
    named = items((client.settings or {}).get("agentFolders"))
    extra = [_inside(main, each) for each in named if isinstance(each, str)]
    catalog = Catalog((*agent_folders(client.roots, Path.home(), extra), on_board()), None)
    try:
        await catalog.load()
    except OSError as error:
        logger.warning("Agents could not be read: %s", type(error).__name__)
    return list(catalog.agents)


def _inside(root: Path, folder: str) -> Path:
    return root / Path(folder).expanduser()
