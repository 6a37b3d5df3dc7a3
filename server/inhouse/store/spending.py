"""What a day has cost, and what calls under way may cost yet: one sum for all processes of a user.

A reservation is made in one transaction with the check that it fits.  It ends when its call does;
that of a process that is gone counts no longer, nor one of another machine that is an hour old.
Blocks: call it through a thread.
"""

import contextlib
import os
import platform
import sqlite3
import time
from collections.abc import Callable
from datetime import date, datetime

from .database import Database

Fits = Callable[[float, float], bool]
"""What is spent, what is under way (US dollars) → may one more call be made."""

_FORGOTTEN_S = 3600.0
"""After this a reservation of another machine (a shared home folder) is taken for a crash."""

_CLOCK_S = 2.0
"""By so much may the beginning of one process seem to differ when the clock is set."""


class SpendingStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def reserve(self, usd: float, fits: Fits) -> tuple[int | None, float, float]:
        """Set dollars aside for a call of today where *fits* says so.

        Gives the reservation's number, None where it does not fit; what is spent today, and what
        was under way already.
        """
        with self._database.change() as change:
            _forget_the_gone(change)
            spent, under_way = _spent(change), _under_way(change)
            if not fits(spent, under_way):
                return None, spent, under_way
            row = (_today().isoformat(), usd, platform.node(), os.getpid(), _born(os.getpid()))
            made = change.execute(
                "INSERT INTO reserved VALUES (NULL, ?, ?, ?, ?, ?, ?)", (*row, time.time())
            )
            return int(made.lastrowid or 0), spent, under_way

    def settle(self, number: int | None, usd: float) -> None:
        """Put what a call did cost in the place of what was set aside for it, if anything was."""
        with self._database.change() as change:
            change.execute("DELETE FROM reserved WHERE id = ?", (number,))
            change.execute(
                "INSERT INTO spent VALUES (?, ?) ON CONFLICT (day) DO UPDATE SET usd = usd + ?",
                (_today().isoformat(), usd, usd),
            )

    def spent(self) -> float:
        """What today has cost so far, as far as it is known."""
        rows = self._database.rows(
            "SELECT total(usd) usd FROM spent WHERE day = ?", (_today().isoformat(),)
        )
        return rows[0]["usd"]


def _spent(connection: sqlite3.Connection) -> float:
    row = (_today().isoformat(),)
    return connection.execute("SELECT total(usd) FROM spent WHERE day = ?", row).fetchone()[0]


def _under_way(connection: sqlite3.Connection) -> float:
    row = (_today().isoformat(),)
    return connection.execute("SELECT total(usd) FROM reserved WHERE day = ?", row).fetchone()[0]


def _forget_the_gone(connection: sqlite3.Connection) -> None:
    here, now = platform.node(), time.time()
    for row in connection.execute("SELECT * FROM reserved").fetchall():
        if row["host"] == here:
            gone = abs(_born(row["pid"]) - row["born"]) > _CLOCK_S
        else:
            gone = now - row["made_at"] > _FORGOTTEN_S
        if gone:
            connection.execute("DELETE FROM reserved WHERE id = ?", (row["id"],))


def _born(pid: int) -> float:
    """When a process began, in seconds since 1970; 0 where there is none of that number."""
    import psutil  # noqa: PLC0415  slow, and only budgets for a day need it

    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE:
            return process.create_time()
    return 0.0


def _today() -> date:
    """The user's own day: a budget for a day ends at their midnight."""
    return datetime.now().astimezone().date()
