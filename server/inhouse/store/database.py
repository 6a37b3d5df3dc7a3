"""One SQLite file for everything remembered: several processes may write it.

Of a file that is damaged, each row that can be read goes into a new one; the old one stays too.

Everything here blocks: call it through a thread.
"""

import errno
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

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
"""How long another process may hold the file."""
_MOST_ONE_BY_ONE = 200_000
"""Rows asked for one by one between two damaged places of a file."""

UNUSABLE = "store"
"""The code of an error that says that a file cannot be read or written now."""
BROKEN = "store-broken"
"""The code of one that says that the file was damaged: the same may work now."""
_REMEDY = "Check the rights of the file and its folder, and the space"
_REMEDIES = {
    sqlite3.SQLITE_FULL: "Free some space on its disk",
    sqlite3.SQLITE_READONLY: "Make it and its folder writable",
    sqlite3.SQLITE_BUSY: "Another process holds it: end that one",
    sqlite3.SQLITE_IOERR: "Its disk is full or has failed: see to that",
    sqlite3.SQLITE_MISUSE: "Move what is in its place away",
}
_UNWRITABLE = frozenset(
    {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL}
)
"""Codes with which a file may well be readable still."""
_OF_ERRNO = {
    errno.ENOSPC: sqlite3.SQLITE_FULL,
    errno.EDQUOT: sqlite3.SQLITE_FULL,
    errno.EROFS: sqlite3.SQLITE_READONLY,
    errno.EACCES: sqlite3.SQLITE_READONLY,
    errno.EPERM: sqlite3.SQLITE_READONLY,
    errno.EISDIR: sqlite3.SQLITE_MISUSE,
    errno.ENOTDIR: sqlite3.SQLITE_MISUSE,
    errno.EEXIST: sqlite3.SQLITE_MISUSE,
}


@frozen
class Layout:
    """Which file, and what is in it."""

    file: str
    schema: str
    """Statements that create the file, or migrate an older version to this one."""
    version: int
    lost: str
    """What the user is told of a file that was broken."""
    not_salvaged: frozenset[str] = frozenset()
    """Tables of which nothing counts that a broken file had."""
    made_good: str = ""
    """A statement that makes rows which could not be read from those that could."""


REMEMBERED = Layout(
    FILE,
    _SCHEMA,
    _VERSION,
    "Trust your workspaces again.",
    not_salvaged=frozenset({"trusted", "answer", "key_host"}),
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
        self._inode = 0
        self._read_only: sqlite3.OperationalError | None = None
        """Why the file can be read and not written."""

    def rows(self, query: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        try:
            with self._open() as connection:
                return connection.execute(query, values).fetchall()
        except UserError as error:
            if error.code != BROKEN:
                raise
        with self._open() as connection:  # What could be saved of the broken file.
            return connection.execute(query, values).fetchall()

    @contextmanager
    def change(self) -> Generator[sqlite3.Connection]:
        """All or nothing, and nobody else writes meanwhile."""
        with self._open(to_write=True) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # SQLite ends some that fail by itself.
                    connection.execute("ROLLBACK")
                raise

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
    def _open(self, *, to_write: bool = False) -> Generator[sqlite3.Connection]:
        with self._lock:
            connection: sqlite3.Connection | None = None
            try:
                connection = self._connected()
                if to_write and self._read_only is not None:
                    raise self._read_only
                yield connection
            except sqlite3.IntegrityError as error:
                if self._newer(connection):
                    raise self._cannot(error, connection) from error
                raise
            except sqlite3.ProgrammingError:
                raise
            except sqlite3.OperationalError as error:
                if connection is not None and "Could not decode" in str(error):
                    connection.text_factory = _lenient
                    raise UserError(f"{self.path} is damaged: {error}.", code=BROKEN) from error
                raise self._cannot(error, connection) from error
            except sqlite3.DatabaseError as error:
                self._set_aside(error)
                raise UserError(self.messages[-1], code=BROKEN) from error

    def _cannot(self, error: sqlite3.Error, connection: sqlite3.Connection | None) -> UserError:
        """Say why the file is of no use now, and what would help."""
        remedy = _REMEDIES.get(_code(error), _REMEDY)
        if version := self._newer(connection):
            remedy = (
                f"A newer Inhouse wrote it (version {version}; this one knows "
                f"{self._layout.version}): update Inhouse"
            )
        return UserError(
            f"{self.path} cannot be used: {error}.  {remedy}, "
            "or set INHOUSE_HOME to another folder.",
            code=UNUSABLE,
        )

    def _newer(self, connection: sqlite3.Connection | None) -> int:
        """Return the version of a file that a newer Inhouse wrote; else 0."""
        try:
            version = _version(connection) if connection is not None else 0
        except sqlite3.Error:
            return 0
        return version if version > self._layout.version else 0

    def _connected(self) -> sqlite3.Connection:
        gone = not self._in_memory and self._inode != _inode(self.path)
        if self._connection is not None and (gone or self._read_only is not None):
            self.close()  # Deleted, replaced, or writable again: nothing would be found there.
        if self._connection is None:
            try:
                self._connection = self._connect()
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError as error:
                self._set_aside(error)
                self._connection = self._connected()
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        self._read_only = None
        if self._in_memory:
            return self._prepared(":memory:")
        try:
            private(self.path.parent)
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            failed = sqlite3.OperationalError(error.strerror)
            failed.sqlite_errorcode = _OF_ERRNO.get(error.errno or 0, 0)
            return self._connect_to_read(failed)
        self._inode = _inode(self.path)
        until = time.monotonic() + _PATIENCE_S
        while True:
            try:
                return self._prepared(str(self.path))
            except sqlite3.OperationalError as error:
                if _code(error) == sqlite3.SQLITE_BUSY and time.monotonic() < until:
                    time.sleep(0.02)  # Two that make the file at once: SQLite itself does not wait.
                    continue
                if _code(error) in _UNWRITABLE:
                    return self._connect_to_read(error)
                raise

    def _prepared(self, path: str) -> sqlite3.Connection:
        connection = _connection(path)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA secure_delete = ON")
            self._migrate(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _connect_to_read(self, why: sqlite3.OperationalError) -> sqlite3.Connection:
        """Open a file that cannot be written; raise *why* where it cannot be read either."""
        if _code(why) == sqlite3.SQLITE_MISUSE:
            raise why
        log = self.path.with_name(f"{self.path.name}-wal")
        connection = None
        try:
            if not self.path.exists() or self.path.stat().st_size == 0:
                connection = self._prepared(":memory:")  # Nothing is remembered.
            else:
                nothing_in_log = not log.exists() or log.stat().st_size == 0
                mode = "immutable=1" if nothing_in_log else "mode=ro"
                address = f"{self.path.absolute().as_uri()}?{mode}"
                connection = _connection(address, uri=True)
                if _version(connection) < self._layout.version:
                    connection = self._brought_up(connection)
        except (OSError, sqlite3.Error):
            if connection is not None:
                connection.close()
            raise why from None
        self._inode, self._read_only = _inode(self.path), why
        return connection

    def _brought_up(self, old: sqlite3.Connection) -> sqlite3.Connection:
        """Return a copy in memory of a file of an older version, brought up to this one."""
        copy = _connection(":memory:")
        with closing(old):
            old.backup(copy)
        self._migrate(copy)
        return copy

    def _migrate(self, connection: sqlite3.Connection) -> None:
        """Migrate the file to this version; a newer one stays as it is."""
        layout = self._layout
        if _version(connection) >= layout.version:
            return
        connection.execute("BEGIN IMMEDIATE")
        if _version(connection) >= layout.version:  # Somebody else did meanwhile.
            connection.execute("ROLLBACK")
            return
        for statement in _statements(layout.schema):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {layout.version}")
        connection.execute("COMMIT")

    def _set_aside(self, error: sqlite3.DatabaseError) -> None:
        """Keep a broken file under another name, and what can be read of it in a new one."""
        import filelock  # noqa: PLC0415  3 MB that an idle server saves

        inode = self._inode
        self.close()
        aside = self.path.with_name(f"{self._layout.file}.broken-{time.time_ns()}")
        try:
            with filelock.FileLock(self.path.with_name(f"{self._layout.file}.lock"), mode=0o600):
                if self._in_memory or inode != _inode(self.path):
                    self.messages.append(f"{self.path} was damaged ({error}).")
                    return
                saved = self._replaced(aside)
        except OSError as failed:
            raise sqlite3.OperationalError(str(failed)) from error
        what = "What can be read of it was kept" if saved else "Nothing in it can be read"
        message = (
            f"{self.path} was damaged ({error}) and is now {aside.name}.  {what}."
            f"  {self._layout.lost}"
        )
        logger.warning("%s", message)
        self.messages.append(message)

    def _replaced(self, aside: Path) -> bool:
        """Put a new file in the place of a broken one; return whether it has what can be read."""
        log, shared = (self.path.with_name(f"{self.path.name}{end}") for end in ("-wal", "-shm"))
        new = self.path.with_name(f"{self._layout.file}.new-{time.time_ns()}")
        fresh = Database(new.parent, evolve(self._layout, file=new.name))
        try:
            with fresh._open() as connection:
                saved = _salvaged(self.path, connection, self._layout)
            fresh.close()  # All of it is in the one file then.
            self.path.rename(aside)
            if log.exists():
                log.rename(aside.with_name(f"{aside.name}-wal"))
            shared.unlink(missing_ok=True)
            new.rename(self.path)
        except UserError as failed:
            raise OSError(str(failed)) from failed
        finally:
            fresh.close()
            for end in ("", "-wal", "-shm"):
                new.with_name(f"{new.name}{end}").unlink(missing_ok=True)
        return saved


def _salvaged(broken: Path, into: sqlite3.Connection, layout: Layout) -> bool:
    """Copy each row of a damaged file that can be read; return False if it is no database."""
    source = sqlite3.connect(broken, timeout=_PATIENCE_S, isolation_level=None)
    source.text_factory = _lenient
    try:
        _version(source)
        into.execute("PRAGMA foreign_keys = OFF")
        into.execute("BEGIN IMMEDIATE")
        names = [
            row[0]
            for row in into.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            )
        ]
        for name in names:
            if name not in layout.not_salvaged:
                _save_rows(source, into, name)
        if layout.made_good:
            into.execute(layout.made_good)
        for name in names:
            for key in into.execute(f"PRAGMA foreign_key_list({name})").fetchall():
                into.execute(  # What it belonged to could not be read.
                    f"DELETE FROM {name} WHERE {key[3]} NOT IN (SELECT {key[4]} FROM {key[2]})"  # noqa: S608  names of ours
                )
        for statement in _statements(layout.schema):
            into.execute(statement)  # What follows from the rest is made again.
        into.execute("COMMIT")
        into.execute("PRAGMA foreign_keys = ON")
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        if into.in_transaction:
            into.execute("ROLLBACK")
        return False
    finally:
        source.close()
    return True


def _save_rows(source: sqlite3.Connection, into: sqlite3.Connection, table: str) -> None:
    """Copy a table from its beginning and its end up to what is damaged, then one by one."""
    about = into.execute(f"PRAGMA table_info({table})").fetchall()
    try:
        there = {row[1] for row in source.execute(f"PRAGMA table_info({table})")}
    except sqlite3.DatabaseError:
        return
    names = [row[1] for row in about if row[1] in there]
    key = [row[1] for row in sorted(about, key=lambda row: row[5]) if row[5]]
    with suppress(sqlite3.OperationalError):  # Raised for a table without one.
        into.execute(f"SELECT rowid FROM {table} LIMIT 0")  # noqa: S608  names of ours
        key, names = ["rowid"], ["rowid", *names]  # It has the order in which they came.
    chosen = f"SELECT {', '.join(names)} FROM {table}"  # noqa: S608  names of ours
    marks = ", ".join("?" * len(names))
    put = f"INSERT OR REPLACE INTO {table} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608  ours
    ends = list[Any]()
    for order in ("ASC", "DESC"):
        last: tuple[Any, ...] | None = None
        try:
            for row in source.execute(
                f"{chosen} ORDER BY {', '.join(f'{name} {order}' for name in key)}"
            ):
                last = tuple(row)
                into.execute(put, last)
        except sqlite3.DatabaseError:
            ends.append(last)
            continue
        return
    if len(key) == 1 and key[0] in names and None not in ends:
        at = names.index(key[0])
        first, end = (one[at] for one in ends)
        if isinstance(first, int) and isinstance(end, int):
            for number in range(first + 1, min(end, first + _MOST_ONE_BY_ONE)):
                with suppress(sqlite3.DatabaseError):
                    row = source.execute(f"{chosen} WHERE {key[0]} = ?", (number,)).fetchone()
                    if row is not None:
                        into.execute(put, row)


def _statements(schema: str) -> Iterator[str]:
    """Return the statements of a text one by one."""
    statement = ""
    for piece in schema.split(";"):
        statement += piece
        if not statement.strip():
            return
        if sqlite3.complete_statement(f"{statement};"):
            yield statement
            statement = ""
        else:
            statement += ";"


def _connection(path: str, *, uri: bool = False) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False, uri=uri
    )
    connection.row_factory = sqlite3.Row
    return connection


def _version(connection: sqlite3.Connection) -> int:
    return connection.execute("PRAGMA user_version").fetchone()[0]


def _inode(path: Path) -> int:
    """Tell a file from the one that comes into its place; 0: there is none."""
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def _code(error: sqlite3.Error) -> int:
    """Return SQLite's primary code of an error."""
    return (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF


def _lenient(text: bytes) -> str:
    return text.decode("utf-8", "replace")
