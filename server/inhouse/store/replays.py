"""The requests of the last runs, so that ``inhouse audit --verify`` can repeat them.

Besides transcripts and sessions this is the one place where prompts are kept: those of the last
runs, or none if ``keptTranscripts`` is 0; `RecordStore.forget` deletes them with the records.  It
holds no model's answer and no file's content.  Blocks: call it through a thread.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from attrs import field, frozen

from inhouse.core.json_values import Json
from inhouse.core.redaction import redact

from .database import Database

KEPT = 20


@frozen
class Replay:
    """A run as it was requested, in JSON values only."""

    agent: str
    prompt: str
    roots: tuple[str, ...]
    params: Mapping[str, object] = field(factory=Json)
    images: tuple[tuple[str, str | None], ...] = ()
    """The data and the media type of each picture that came with the prompt."""
    endpoint: str | None = None
    model: str | None = None
    path: str | None = None
    range: tuple[int, int, int, int] | None = None
    """Start line, start character, end line, end character."""
    session: bool = False
    """It continued earlier runs, which are not kept here."""
    editor: Mapping[str, object] = field(factory=Json)
    """The editor's settings, without keys."""
    client_trusted: bool | None = None
    prefer_embedded: bool = False


class ReplayStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, run: int, replay: Replay, *, most: int = KEPT) -> None:
        """Keep the request of a run (its record's number), and only the last *most* of all."""
        text = redact(json.dumps(attrs.asdict(replay), default=str))
        with self._database.change() as change:
            change.execute("INSERT OR REPLACE INTO replay VALUES (?, ?)", (run, text))
            change.execute(
                "DELETE FROM replay WHERE run NOT IN"
                " (SELECT run FROM replay ORDER BY run DESC LIMIT ?)",
                (min(most, KEPT),),
            )

    def delete(self, run_ids: Sequence[str]) -> None:
        """Delete the requests of these runs."""
        with self._database.change() as change:
            change.executemany(
                "DELETE FROM replay WHERE run IN (SELECT id FROM run WHERE run_id = ?)",
                [(run_id,) for run_id in run_ids],
            )

    def of(self, run: int) -> Replay | None:
        """Return that run's request; None if it is no longer kept."""
        rows = self._database.rows("SELECT request FROM replay WHERE run = ?", (run,))
        return read_replay(json.loads(rows[0]["request"])) if rows else None


def read_replay(value: Mapping[str, Any]) -> Replay:
    """Read a request from the JSON of `attrs.asdict`."""
    given: dict[str, Any] = {**value, "roots": tuple(value["roots"])}
    given["images"] = tuple((data, kind) for data, kind in value.get("images", ()))
    given["range"] = tuple(given["range"]) if given["range"] else None
    return Replay(**given)
