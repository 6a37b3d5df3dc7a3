"""Which workspaces the user trusts, by the contents of what they could run.

Trust is given to exactly these bytes: the definitions with the modules they load, and
``inhouse.toml``.  Anything new or changed is asked about again, with its changes; so is a deleted
``inhouse.toml``, since it may have narrowed what agents may do.
"""

import errno
import hashlib
import os
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from difflib import unified_diff
from pathlib import Path

from attrs import frozen

from inhouse.core.errors import UserError
from inhouse.core.files import SKIPPED_FOLDERS, FileSnapshot, sha256
from inhouse.core.unicode import visible

from .database import Database

SETTINGS = "inhouse.toml"
_MOST_FILES = 5_000
_NAMED = 5


@frozen
class Change:
    """Something the user has not trusted yet."""

    name: str
    """Relative to the workspace."""
    kind: str
    """``new``, ``changed`` or ``removed``."""
    diff: str
    """The diff from what was trusted, with invisible characters escaped."""


@frozen
class Trusted:
    by: str
    """``the editor``, ``--trust``, or since when."""


@frozen
class Untrusted:
    message: str
    changes: tuple[Change, ...] = ()


TrustState = Trusted | Untrusted


class TrustStore:
    """What the user trusts.  Blocks: call it through a thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def state(
        self, workspace: Path, items: Mapping[str, bytes], *, client: bool | None = None
    ) -> TrustState:
        """Compare the current contents with what was trusted.

        ``client`` is the editor's own decision, or ``--trust``: a no covers everything, a yes what
        is in the workspace.  Anything outside it (``../.agents``) is trusted by its contents only.
        """
        if client is False:
            return Untrusted("The editor says that this workspace is not trusted.")
        if client:
            items = {name: one for name, one in items.items() if is_outside(name)}
        try:
            granted = self._granted(workspace)
        except UserError as error:
            if client and not items:
                return _TOLD
            return Untrusted(f"Nothing is trusted: {error}", _changes(items, {}))
        changes = _changes(items, granted)
        if not client:
            changes += _removed(items, granted)
        if client and not changes:
            return _TOLD
        if changes:
            return Untrusted(_message(changes, known=bool(granted)), changes)
        since = max((row["granted_at"] for row in granted.values()), default=None)
        return Trusted(f"you, {since}" if since else "no trust is needed: nothing in it could run")

    def grant(self, workspace: Path, items: Mapping[str, bytes]) -> None:
        """Trust these contents, and only these, from now on."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        key = _key(workspace)
        rows = [
            (key, name, _digest(content), zlib.compress(content), now)
            for name, content in items.items()
        ]
        with self._database.change() as change:
            change.execute("DELETE FROM trusted WHERE workspace = ?", (key,))
            change.executemany("INSERT INTO trusted VALUES (?, ?, ?, ?, ?)", rows)

    def add(self, workspace: Path, items: Mapping[str, bytes]) -> None:
        """Trust these files too, which a definition turned out to depend on."""
        self.grant(workspace, {**self.contents(workspace), **items})

    def digests(self, workspace: Path) -> dict[str, str]:
        """Return each trusted name with the digest of its content; none if that fails."""
        try:
            return {name: row["sha256"] for name, row in self._granted(workspace).items()}
        except UserError:
            return {}

    def content(self, workspace: Path, name: str) -> bytes | None:
        """Return what was trusted under a name."""
        try:
            row = self._granted(workspace).get(name)
        except UserError:
            return None
        return None if row is None else zlib.decompress(row["content"])

    def contents(self, workspace: Path) -> dict[str, bytes]:
        """Return everything that was trusted."""
        found: dict[str, bytes] = {}
        for name, row in self._granted(workspace).items():
            content = zlib.decompress(row["content"])
            found[name] = _Summary(content) if row["sha256"].startswith(_SUMMARY) else content
        return found

    def revoke(self, workspace: Path) -> bool:
        """Stop trusting a workspace; return whether it was trusted."""
        with self._database.change() as change:
            gone = change.execute("DELETE FROM trusted WHERE workspace = ?", (_key(workspace),))
        return gone.rowcount > 0

    def knows(self, workspace: Path) -> bool:
        """Return whether anything of it was ever trusted."""
        return bool(self._granted(workspace))

    def workspaces(self) -> tuple[str, ...]:
        rows = self._database.rows("SELECT DISTINCT workspace FROM trusted ORDER BY workspace")
        return tuple(row["workspace"] for row in rows)

    def _granted(self, workspace: Path) -> dict[str, sqlite3.Row]:
        rows = self._database.rows("SELECT * FROM trusted WHERE workspace = ?", (_key(workspace),))
        return {row["name"]: row for row in rows}


def workspace_items(
    workspace: Path,
    folders: Iterable[Path],
    files: Iterable[Path] = (),
    snapshot: FileSnapshot | None = None,
) -> dict[str, bytes]:
    """Return the contents that trust covers: ``inhouse.toml``, agent folders, modules beside them.

    They are read through the same *snapshot* as everything else.  A file that cannot be read never
    counts as trusted.
    """
    root = workspace.absolute()
    read = snapshot or FileSnapshot()
    found: dict[str, bytes] = {}
    for path in (root / SETTINGS, *files, *_files(folders)):
        name = item_name(path.absolute(), root)
        if name not in found and path.exists() and not path.is_dir():
            found[name] = _content(path, read)
        if len(found) > _MOST_FILES:
            raise UserError(
                f"The agent folders of {root} hold more than {_MOST_FILES} files.  Move files "
                "that are not agents out of them."
            )
    return found


def unsaved_items(
    workspace: Path, folders: Iterable[Path], texts: Mapping[Path, str]
) -> dict[str, bytes]:
    """Return the same for unsaved texts in agent folders."""
    real = [Path(os.path.realpath(folder)) for folder in folders]
    return {
        item_name(path.absolute(), workspace.absolute()): text.encode("utf-8", "surrogatepass")
        for path, text in texts.items()
        if any(Path(os.path.realpath(path)).is_relative_to(folder) for folder in real)
    }


def is_outside(name: str) -> bool:
    """Return whether a name points outside the workspace."""
    return name.startswith("../") or Path(name).is_absolute()


def item_name(path: Path, root: Path) -> str:
    """Return the one name of a file, whatever links lead to the workspace."""
    if path.is_relative_to(root):
        plain = path.relative_to(root)
        if ".." not in plain.parts:  # Nearly all of them, and they are many.
            return plain.as_posix()
        inside, base = path, root
    else:
        inside, base = Path(os.path.realpath(path)), Path(os.path.realpath(root))
    return os.path.relpath(inside, base).replace(os.sep, "/")


def _files(folders: Iterable[Path]) -> Iterator[Path]:
    seen: set[str] = set()
    for folder in folders:
        for parent, names, files in os.walk(folder, followlinks=True):
            real = os.path.realpath(parent)
            names[:] = [] if real in seen else sorted(set(names) - SKIPPED_FOLDERS)
            seen.add(real)
            yield from (Path(parent) / file for file in sorted(files))


_SUMMARY = "too large: "


class _Summary(bytes):
    """Stands for a file too large to keep; no file's own bytes are ever equal to it."""


def _content(path: Path, snapshot: FileSnapshot) -> bytes:
    try:
        return snapshot.read(path)
    except OSError as error:
        if error.errno == errno.EFBIG:
            return _summary(path)
        return f"unreadable: {error.strerror}: {os.urandom(8).hex()}".encode()


def _summary(path: Path) -> bytes:
    """Such a file is never loaded; a change of it only has to be noticed."""
    try:
        with path.open("rb") as file:
            return _Summary(f"SHA-256 {hashlib.file_digest(file, 'sha256').hexdigest()}".encode())
    except OSError as error:
        return f"unreadable: {error.strerror}: {os.urandom(8).hex()}".encode()


_TOLD = Trusted("the editor, or --trust")


def _message(changes: tuple[Change, ...], *, known: bool) -> str:
    if not known:
        return "This workspace is not trusted: its agents, routes and inhouse.toml have no effect."
    names = ", ".join(f"{one.name} ({one.kind})" for one in changes[:_NAMED])
    more = f" and {len(changes) - _NAMED} more" if len(changes) > _NAMED else ""
    return (
        f"This workspace has changed since it was trusted: {names}{more}.  "
        "`inhouse trust` shows the changes and trusts it as it is now."
    )


def _changes(items: Mapping[str, bytes], granted: Mapping[str, sqlite3.Row]) -> tuple[Change, ...]:
    changes: list[Change] = []
    for name, content in items.items():
        known = granted.get(name)
        if known is not None and known["sha256"] == _digest(content):
            continue
        before = zlib.decompress(known["content"]) if known is not None else b""
        kind = "new" if known is None else "changed"
        changes.append(Change(visible(name), kind, _diff(name, before, content)))
    return tuple(changes)


def _removed(items: Mapping[str, bytes], granted: Mapping[str, sqlite3.Row]) -> tuple[Change, ...]:
    """Report deleted settings, which may have narrowed something; deleted agents do no harm."""
    return tuple(
        Change(visible(name), "removed", _diff(name, zlib.decompress(row["content"]), b""))
        for name, row in granted.items()
        if name not in items and name.rpartition("/")[2] == SETTINGS
    )


def _diff(name: str, before: bytes, after: bytes) -> str:
    lines = unified_diff(
        visible(before.decode(errors="replace")).splitlines(),
        visible(after.decode(errors="replace")).splitlines(),
        f"trusted/{visible(name)}",
        f"now/{visible(name)}",
        lineterm="",
    )
    return "\n".join(lines)


def _digest(content: bytes) -> str:
    return f"{_SUMMARY}{sha256(content)}" if isinstance(content, _Summary) else sha256(content)


def _key(workspace: Path) -> str:
    return str(workspace.resolve())
