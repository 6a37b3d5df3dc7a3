"""The transcripts of an editor's last runs, so that they can be opened after a restart.

Unlike the record they hold prompts and answers; the user's setting ``keptTranscripts`` says how
many, and 0 keeps none.  Blocks: call it through a thread.
"""

from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from inhouse.core.events import RunResult, RunStatus
from inhouse.core.redaction import redact

from .database import Database


@frozen
class KeptRun:
    """A run whose transcript is kept."""

    run_id: str
    agent: str
    status: RunStatus
    started_at: str
    duration_ms: int
    prompt: str
    endpoint: str
    model: str


class TranscriptStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, result: RunResult, text: str, *, workspace: Path, most: int) -> None:
        """Keep a transcript as it is now, and at most the newest *most* of all.

        A run that never reports its end counts as failed.
        """
        status = RunStatus.FAILED if result.status is RunStatus.RUNNING else result.status
        route = result.route
        row = (
            *(result.run_id, str(workspace.resolve()), result.agent, status.value),
            *(result.started_at, result.duration_ms, redact(result.prompt)),
            *(route.endpoint, route.model, text),
        )
        with self._database.change() as change:
            if most > 0:
                marks = ", ".join("?" * len(row))
                change.execute(f"INSERT OR REPLACE INTO transcript VALUES ({marks})", row)  # noqa: S608  marks only
            change.execute(
                "DELETE FROM transcript WHERE run_id NOT IN"
                " (SELECT run_id FROM transcript ORDER BY rowid DESC LIMIT ?)",
                (most,),
            )

    def text(self, run_id: str) -> str | None:
        """Return a transcript; None if it is not kept."""
        rows = self._database.rows("SELECT text FROM transcript WHERE run_id = ?", (run_id,))
        return rows[0]["text"] if rows else None

    def delete(self, run_ids: Sequence[str]) -> None:
        """Delete the transcripts of these runs."""
        with self._database.change() as change:
            change.executemany(
                "DELETE FROM transcript WHERE run_id = ?", [(run_id,) for run_id in run_ids]
            )

    def runs(self, workspaces: Sequence[Path], limit: int | None = None) -> tuple[KeptRun, ...]:
        """Return the runs in these workspaces, newest first."""
        marks = ", ".join("?" * len(workspaces))
        rows = self._database.rows(
            "SELECT run_id, agent, status, started_at, duration_ms, prompt, endpoint, model"  # noqa: S608  marks only
            f" FROM transcript WHERE workspace IN ({marks}) ORDER BY rowid DESC LIMIT ?",
            (*(str(path.resolve()) for path in workspaces), -1 if limit is None else limit),
        )
        return tuple(KeptRun(row[0], row[1], RunStatus(row[2]), *tuple(row)[3:]) for row in rows)
