"""What a model can do, found out once and remembered by endpoint and model.

Blocks: call it through a thread.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from inhouse.core.json_values import mapping

from .database import Database


class ProfileStore:
    """JSON objects by endpoint (its name and URL) and model."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, endpoint: str, model: str) -> Mapping[str, object]:
        """Return what is known; empty if nothing is."""
        rows = self._database.rows(
            "SELECT profile FROM profile WHERE endpoint = ? AND model = ?", (endpoint, model)
        )
        if not rows:
            return {}
        try:
            value: object = json.loads(rows[0]["profile"])
        except ValueError:
            return {}
        return mapping(value)

    def put(self, endpoint: str, model: str, profile: Mapping[str, object]) -> None:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        row = (endpoint, model, json.dumps(dict(profile), sort_keys=True), now)
        with self._database.change() as change:
            change.execute("INSERT OR REPLACE INTO profile VALUES (?, ?, ?, ?)", row)

    def forget(self, endpoint: str | None = None) -> int:
        """Forget what was found out, for one endpoint or all; return how many profiles."""
        query, values = "DELETE FROM profile", ()
        if endpoint is not None:
            query, values = f"{query} WHERE endpoint = ?", (endpoint,)
        with self._database.change() as change:
            return change.execute(query, values).rowcount
