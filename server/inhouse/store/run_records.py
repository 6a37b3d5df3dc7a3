"""Finished runs: which hosts they contacted, what they used and what it cost.

No prompt, no text of a model and no file's content is ever written here.
Blocks: call it through a thread.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path

from attrs import frozen

from inhouse.core.events import Contact, EndpointUsage, RunResult
from inhouse.core.redaction import redact

from .database import Database

_KEPT_DAYS = 400


@frozen
class Record:
    """What is kept of a finished run."""

    id: int
    run_id: str
    workspace: str
    agent: str
    status: str
    stop_reason: str | None
    error: str | None
    """The error's code."""
    started_at: str
    duration_ms: int
    first_token_ms: int | None
    endpoint: str
    base_url: str
    model: str
    local: bool
    decided_by: str
    source: str
    privacy: str
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    remote_cost_usd: float | None
    """What the same tokens would have cost with the definitions' own models."""
    contacts: tuple[Contact, ...] = ()
    by_endpoint: Mapping[str, EndpointUsage] = {}
    by_agent: Mapping[str, EndpointUsage] = {}
    permissions: tuple[tuple[str, str], ...] = ()
    """What the user was asked to allow (the question's kind) and what was chosen, in that order."""


@frozen
class Costs:
    """The totals of some days' runs for one endpoint or agent."""

    name: str
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    """None if no cost is known."""
    requests: int
    unknown: int
    """Runs whose cost is not known."""


@frozen
class CostReport:
    runs: int
    cost_usd: float
    """The known part of the cost."""
    unknown: int
    """Runs whose cost is not known."""
    saved_usd: float
    """How much more the known runs would have cost with the definitions' own models."""
    by_endpoint: tuple[Costs, ...]
    by_agent: tuple[Costs, ...]


class RecordStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        result: RunResult,
        *,
        workspace: Path,
        privacy: str,
        remote_cost_usd: float | None = None,
        permissions: Sequence[tuple[str, str]] = (),
    ) -> int:
        """Keep a finished run; a sub-agent's counts in its parent's."""
        row = _row(result, workspace, privacy, remote_cost_usd)
        with self._database.change() as change:
            marks = ", ".join("?" * len(row))
            added = change.execute(f"INSERT INTO run VALUES (NULL, {marks})", row)  # noqa: S608  marks only
            number = int(added.lastrowid or 0)
            change.executemany(
                "INSERT INTO contact VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        number,
                        one.host,
                        one.address,
                        int(one.local),
                        one.bytes_sent,
                        one.bytes_received,
                        one.model,
                        one.endpoint,
                    )
                    for one in result.contacts
                ],
            )
            change.executemany(
                "INSERT INTO permission VALUES (?, ?, ?)",
                [(number, kind, answer) for kind, answer in permissions],
            )
            change.executemany(
                "INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (number, kind, name, u.input_tokens, u.output_tokens, u.cost_usd, u.requests)
                    for kind, parts in (
                        ("endpoint", result.usage.by_endpoint),
                        ("agent", result.usage.by_agent),
                    )
                    for name, u in parts.items()
                ],
            )
            change.execute("DELETE FROM run WHERE day < date('now', ?)", (f"-{_KEPT_DAYS} days",))
        return number

    def recent(
        self, limit: int = 20, *, workspace: Path | None = None, run_id: str | None = None
    ) -> tuple[Record, ...]:
        """Return the newest runs with their contacts, or those whose id begins with *run_id*."""
        rows = self._database.rows(
            "SELECT * FROM run WHERE (?1 IS NULL OR workspace = ?1) AND"
            " (?2 IS NULL OR substr(run_id, 1, length(?2)) = ?2)"
            " ORDER BY id DESC LIMIT ?3",
            (str(workspace.resolve()) if workspace else None, run_id, limit),
        )
        return tuple(self._record(row) for row in rows)

    def costs(self, since: date | None = None, *, workspace: Path | None = None) -> CostReport:
        """Return the totals of all runs since a day, for ``inhouse costs``."""
        where = "(?1 IS NULL OR run.day >= ?1) AND (?2 IS NULL OR run.workspace = ?2)"
        values = (
            since.isoformat() if since else None,
            str(workspace.resolve()) if workspace else None,
        )
        total = self._database.rows(
            "SELECT count(*) runs, total(cost_usd) cost, sum(cost_usd IS NULL) unknown,"  # noqa: S608
            " total(CASE WHEN cost_usd IS NOT NULL AND remote_cost_usd > cost_usd"
            f" THEN remote_cost_usd - cost_usd END) saved FROM run WHERE {where}",
            values,
        )[0]
        parts = self._database.rows(
            "SELECT usage.kind, usage.name, sum(usage.input_tokens) input,"  # noqa: S608
            " sum(usage.output_tokens) output, sum(usage.cost_usd) cost,"
            " sum(usage.requests) requests, sum(usage.cost_usd IS NULL) unknown"
            f" FROM usage JOIN run ON run.id = usage.run WHERE {where}"
            " GROUP BY usage.kind, usage.name ORDER BY cost DESC, usage.name",
            values,
        )
        return CostReport(
            total["runs"],
            total["cost"],
            total["unknown"] or 0,
            total["saved"],
            _costs(parts, "endpoint"),
            _costs(parts, "agent"),
        )

    def count(self) -> int:
        """Return how many records there are."""
        return self._database.rows("SELECT count(*) number FROM run")[0]["number"]

    def forget(self, workspace: Path | None = None) -> int:
        """Delete the records of one workspace or all; return how many."""
        with self._database.change() as change:
            if workspace is None:
                return change.execute("DELETE FROM run").rowcount
            key = str(workspace.resolve())
            return change.execute("DELETE FROM run WHERE workspace = ?", (key,)).rowcount

    def _record(self, row: sqlite3.Row) -> Record:
        contacts = self._database.rows("SELECT * FROM contact WHERE run = ?", (row["id"],))
        usage = self._database.rows("SELECT * FROM usage WHERE run = ?", (row["id"],))
        return Record(
            **{name: row[name] for name in row.keys() if name not in ("day", "local")},  # noqa: SIM118  a Row is no dict
            local=bool(row["local"]),
            contacts=tuple(
                Contact(
                    one["host"],
                    one["address"],
                    bool(one["local"]),
                    one["bytes_sent"],
                    one["bytes_received"],
                    one["model"],
                    one["endpoint"],
                )
                for one in contacts
            ),
            permissions=tuple(
                (one["kind"], one["answer"])
                for one in self._database.rows(
                    "SELECT * FROM permission WHERE run = ? ORDER BY rowid", (row["id"],)
                )
            ),
            by_endpoint=_usage(usage, "endpoint"),
            by_agent=_usage(usage, "agent"),
        )


def _row(
    result: RunResult, workspace: Path, privacy: str, remote_cost_usd: float | None
) -> tuple[str | int | float | None, ...]:
    route = result.route
    return (
        result.run_id,
        str(workspace.resolve()),
        result.agent,
        result.status.value,
        result.stop_reason.value if result.stop_reason else None,
        result.error.code if result.error else None,
        result.started_at,
        _today().isoformat(),
        result.duration_ms,
        result.first_token_ms,
        route.endpoint,
        redact(route.base_url),
        route.model,
        int(route.local),
        route.decided_by.value,
        redact(route.source),
        privacy,
        result.usage.input_tokens,
        result.usage.output_tokens,
        result.usage.cost_usd,
        remote_cost_usd,
    )


def _usage(rows: Sequence[sqlite3.Row], kind: str) -> dict[str, EndpointUsage]:
    return {
        row["name"]: EndpointUsage(
            row["input_tokens"], row["output_tokens"], row["cost_usd"], row["requests"]
        )
        for row in rows
        if row["kind"] == kind
    }


def _costs(rows: Sequence[sqlite3.Row], kind: str) -> tuple[Costs, ...]:
    return tuple(
        Costs(
            row["name"], row["input"], row["output"], row["cost"], row["requests"], row["unknown"]
        )
        for row in rows
        if row["kind"] == kind
    )


def _today() -> date:
    """Return today in the user's time zone: a day's budget ends at their midnight."""
    return datetime.now().astimezone().date()
