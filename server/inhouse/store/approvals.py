"""The user's permanent answers: commands that may run, hosts that may be contacted.

Per workspace and for exactly this text.  Blocks: call it through a thread.
"""

from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

from attrs import frozen

from .database import Database


class Subject(Enum):
    COMMAND = "command"
    HOST = "host"


@frozen
class StoredAnswer:
    subject: Subject
    workspace: str
    text: str
    """JSON of the folder and the arguments of a command, or ``host:port``."""
    allowed: bool
    given_at: str


class ApprovalStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def answer(self, subject: Subject, workspace: Path, text: str) -> bool | None:
        """Return the answer to exactly this; None if there is none yet."""
        rows = self._database.rows(
            "SELECT answer FROM answer WHERE kind = ? AND workspace = ? AND subject = ?",
            (subject.value, _key(workspace), text),
        )
        return rows[0]["answer"] == "yes" if rows else None

    def remember(
        self, subject: Subject, workspace: Path, text: str, *, allowed: bool = True
    ) -> None:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        row = (subject.value, _key(workspace), text, "yes" if allowed else "no", now)
        with self._database.change() as change:
            change.execute("INSERT OR REPLACE INTO answer VALUES (?, ?, ?, ?, ?)", row)

    def forget(self, subject: Subject, workspace: Path, text: str | None = None) -> int:
        """Forget one answer, or all of this kind in the workspace; return how many."""
        query = "DELETE FROM answer WHERE kind = ? AND workspace = ?"
        values: tuple[str, ...] = (subject.value, _key(workspace))
        if text is not None:
            query, values = f"{query} AND subject = ?", (*values, text)
        with self._database.change() as change:
            return change.execute(query, values).rowcount

    def answers(self, workspace: Path) -> tuple[StoredAnswer, ...]:
        rows = self._database.rows(
            "SELECT * FROM answer WHERE workspace = ? ORDER BY kind, subject", (_key(workspace),)
        )
        return tuple(
            StoredAnswer(
                Subject(row["kind"]),
                row["workspace"],
                row["subject"],
                row["answer"] == "yes",
                row["given_at"],
            )
            for row in rows
        )


def _key(workspace: Path) -> str:
    return str(workspace.resolve())
