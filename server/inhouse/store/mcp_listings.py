"""The tools that each MCP server had when it was last asked.

Blocks: call it through a thread.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from attrs import frozen

from .database import Database

_MOST_SERVERS = 200


@frozen
class KnownTool:
    """A tool as its server described it last."""

    name: str
    description: str
    fingerprint: str
    """Changes whenever the name, description or input does."""


class McpListingStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def last(self, server: str) -> Mapping[str, KnownTool] | None:
        """Return a server's tools by name; None if it was never asked.

        *server* is its command line or its URL.
        """
        rows = self._database.rows("SELECT tools FROM mcp_listing WHERE server = ?", (server,))
        return _tools(rows[0]["tools"]) if rows else None

    def by_name(self) -> Mapping[str, Mapping[str, KnownTool]]:
        """Return the last listing of each server by the name it was kept under."""
        rows = self._database.rows("SELECT name, tools FROM mcp_listing ORDER BY listed_at")
        return {row["name"]: _tools(row["tools"]) for row in rows}

    def keep(self, server: str, name: str, tools: Sequence[KnownTool]) -> None:
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        text = json.dumps([[tool.name, tool.description, tool.fingerprint] for tool in tools])
        with self._database.change() as change:
            change.execute(
                "INSERT OR REPLACE INTO mcp_listing VALUES (?, ?, ?, ?)", (server, name, text, now)
            )
            change.execute(
                "DELETE FROM mcp_listing WHERE server NOT IN "
                "(SELECT server FROM mcp_listing ORDER BY listed_at DESC LIMIT ?)",
                (_MOST_SERVERS,),
            )


def _tools(text: str) -> dict[str, KnownTool]:
    try:
        rows: Any = json.loads(text)
        return {row[0]: KnownTool(*map(str, row)) for row in cast("list[list[str]]", rows)}
    except (ValueError, TypeError, IndexError):
        return {}
