"""What a day has cost, and what pending calls may still cost, over all processes of a user.

A reservation and the check that it fits are one transaction.  It ends with its call.  It stops
counting if its process is gone or, on another machine, after an hour. Blocks: call it through a
thread.
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
"""What is spent and what is reserved (US dollars) → whether one more call may be made."""

_FORGOTTEN_S = 3600.0
"""After this, a reservation from another machine (a shared home folder) counts as a crash."""

_CLOCK_S = 2.0
"""How much a process's start time may seem to change when the clock is set."""


class SpendingStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def reserve(self, usd: float, fits: Fits) -> tuple[int | None, float, float]:
        """Reserve dollars for a call today if *fits* allows it.

        Returns the reservation's number (None if it does not fit), what was spent today, and what
        was reserved before.
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
        """Replace a call's reservation, if any, by what the call cost."""
        with self._database.change() as change:
            change.execute("DELETE FROM reserved WHERE id = ?", (number,))
            change.execute(
                "INSERT INTO spent VALUES (?, ?) ON CONFLICT (day) DO UPDATE SET usd = usd + ?",
                (_today().isoformat(), usd, usd),
            )

    def spent(self) -> float:
        """Return what today has cost so far, as far as is known."""
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
    """Return when a process began, in seconds since 1970; 0 if there is none with that number."""
    import psutil  # noqa: PLC0415  slow, and only budgets for a day need it

    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE:
            return process.create_time()
    return 0.0


def _today() -> date:
    """The user's own day: a budget for a day ends at their midnight."""
    return datetime.now().astimezone().date()
