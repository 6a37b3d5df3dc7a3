"""An SQLite file that several processes may write; a broken one is set aside.

Everything here blocks: call it through a thread.
"""

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from inhouse.core.errors import UserError

from .state_folders import private

logger = logging.getLogger(__name__)

FILE = "inhouse.db"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS trusted (
  workspace TEXT NOT NULL, name TEXT NOT NULL, sha256 TEXT NOT NULL, content BLOB NOT NULL,
  granted_at TEXT NOT NULL, PRIMARY KEY (workspace, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answer (
  kind TEXT NOT NULL, workspace TEXT NOT NULL, subject TEXT NOT NULL, answer TEXT NOT NULL,
  given_at TEXT NOT NULL, PRIMARY KEY (kind, workspace, subject)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS key_name (
  name TEXT PRIMARY KEY, set_at TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS key_host (
  name TEXT NOT NULL, host TEXT NOT NULL, PRIMARY KEY (name, host)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS profile (
  endpoint TEXT NOT NULL, model TEXT NOT NULL, profile TEXT NOT NULL, learnt_at TEXT NOT NULL,
  PRIMARY KEY (endpoint, model)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS run (
  id INTEGER PRIMARY KEY, run_id TEXT NOT NULL, workspace TEXT NOT NULL, agent TEXT NOT NULL,
  status TEXT NOT NULL, stop_reason TEXT, error TEXT, started_at TEXT NOT NULL, day TEXT NOT NULL,
  duration_ms INTEGER NOT NULL, first_token_ms INTEGER, endpoint TEXT NOT NULL,
  base_url TEXT NOT NULL, model TEXT NOT NULL, local INTEGER NOT NULL, decided_by TEXT NOT NULL,
  source TEXT NOT NULL, privacy TEXT NOT NULL, input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL, cost_usd REAL, remote_cost_usd REAL);
CREATE INDEX IF NOT EXISTS run_day ON run (day);
CREATE TABLE IF NOT EXISTS contact (
  run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, host TEXT NOT NULL,
  address TEXT NOT NULL, local INTEGER NOT NULL, bytes_sent INTEGER NOT NULL,
  bytes_received INTEGER NOT NULL, model TEXT, endpoint TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS contact_run ON contact (run);
CREATE TABLE IF NOT EXISTS usage (
  run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, kind TEXT NOT NULL,
  name TEXT NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
  cost_usd REAL, requests INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS usage_run ON usage (run);
CREATE TABLE IF NOT EXISTS permission (
  run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, kind TEXT NOT NULL,
  answer TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS permission_run ON permission (run);
CREATE TABLE IF NOT EXISTS spent (
  day TEXT PRIMARY KEY, usd REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS transcript (
  run_id TEXT PRIMARY KEY, workspace TEXT NOT NULL, agent TEXT NOT NULL, status TEXT NOT NULL,
  started_at TEXT NOT NULL, duration_ms INTEGER NOT NULL, prompt TEXT NOT NULL,
  endpoint TEXT NOT NULL, model TEXT NOT NULL, text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS reserved (
  id INTEGER PRIMARY KEY, day TEXT NOT NULL, usd REAL NOT NULL, host TEXT NOT NULL,
  pid INTEGER NOT NULL, born REAL NOT NULL, made_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS mcp_listing (
  server TEXT PRIMARY KEY, name TEXT NOT NULL, tools TEXT NOT NULL,
  listed_at TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS replay (
  run INTEGER PRIMARY KEY REFERENCES run (id) ON DELETE CASCADE, request TEXT NOT NULL);
"""
_VERSION = 5
_PATIENCE_S = 10.0
"""How long to wait for another process that holds the file."""


@frozen
class Layout:
    """Which file, and what is in it."""

    file: str
    schema: str
    """Statements that create the file, or migrate an older version to this one."""
    version: int
    lost: str
    """What the user has lost if the file is broken, in words for a message."""


REMEMBERED = Layout(
    FILE, _SCHEMA, _VERSION, "What was remembered is lost.  Trust your workspaces again."
)


class Database:
    """The file.  Opened at the first use; may be used from any thread."""

    def __init__(self, folder: Path | None, layout: Layout = REMEMBERED) -> None:
        """Without a *folder*, everything is kept in memory and gone with the process."""
        self.path = Path(":memory:") if folder is None else folder / layout.file
        self._layout = layout
        self._in_memory = folder is None
        self.messages: list[str] = []
        """Messages for the user: that a broken file was set aside."""
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        with self._open() as connection:
            return connection.execute(query, values).fetchall()

    @contextmanager
    def change(self) -> Generator[sqlite3.Connection]:
        """Open a transaction: all or nothing, and nobody else writes meanwhile."""
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def copy_to(self, folder: Path) -> None:
        """Write a copy of the file into another folder, which becomes private."""
        target = private(folder) / self._layout.file
        with self._open() as connection:
            connection.execute("VACUUM INTO ?", (str(target),))

    def truncate_log(self) -> None:
        """Remove deleted data from the write-ahead log too, unless somebody is reading it."""
        with self._open() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @contextmanager
    def _open(self) -> Generator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._connected()
            except sqlite3.OperationalError as error:
                raise UserError(
                    f"{self.path} cannot be used: {error}.  "
                    "Check the folder's rights and space, or set INHOUSE_HOME to another folder.",
                    code="store",
                ) from error
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
                    raise
                self._set_aside(error)
                raise UserError(self.messages[-1], code="store-broken") from error

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            try:
                self._connection = self._connect()
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError as error:
                self._set_aside(error)
                self._connection = self._connect()
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        if not self._in_memory:
            try:
                private(self.path.parent)
                os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
            except OSError as error:
                raise sqlite3.OperationalError(error.strerror) from error
        connection = sqlite3.connect(
            self.path, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False
        )
        try:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA secure_delete = ON")
            self._migrate(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _migrate(self, connection: sqlite3.Connection) -> None:
        """Migrate the file to this version; a newer one stays as it is."""
        layout = self._layout
        if connection.execute("PRAGMA user_version").fetchone()[0] < layout.version:
            connection.executescript(
                f"BEGIN IMMEDIATE; {layout.schema} PRAGMA user_version = {layout.version}; COMMIT;"
            )

    def _set_aside(self, error: sqlite3.DatabaseError) -> None:
        """Keep a file that is not a database under another name and start afresh."""
        self.close()
        file = self._layout.file
        aside = self.path.with_name(f"{file}.broken-{time.time_ns()}")
        try:
            self.path.rename(aside)
            for suffix in ("-wal", "-shm"):
                self.path.with_name(file + suffix).unlink(missing_ok=True)
        except OSError as failed:
            raise sqlite3.OperationalError(str(failed)) from error
        message = f"{self.path} was damaged ({error}) and is now {aside.name}.  {self._layout.lost}"
        logger.warning("%s", message)
        self.messages.append(message)
