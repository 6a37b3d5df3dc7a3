"""Proposed edits that wait for the user, kept for each workspace until they are decided.

Each process writes its own file and holds a lock while it lives; another process in the workspace
takes over what a dead one left.  No name is used again: a file without an owner has none until it
is taken over.  Blocks: call it through a thread.
"""

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .state_folders import private

if TYPE_CHECKING:
    import filelock


class WaitingEdits:
    """The proposed edits of one workspace, as JSON."""

    def __init__(self, state: Path, workspace: Path) -> None:
        key = hashlib.sha256(os.fsencode(workspace)).hexdigest()[:24]
        self._folder = state / "waiting-edits" / key
        self._name = secrets.token_hex(8)
        self._lock: filelock.BaseFileLock | None = None
        self._taken: dict[Path, filelock.BaseFileLock] = {}

    def left(self) -> list[Path]:
        """Return the files that no living process owns, oldest first."""
        found = [each for each in self._others() if self._take(each)]
        for file in found:
            self._taken.pop(file).release()
        return found

    def take_over(
        self, files: Sequence[Path] | None = None
    ) -> tuple[list[Mapping[str, Any]], list[Path]]:
        """Return what dead processes left, in *files* if given, and the files that cannot be read.

        Each is deleted only by `forget`, so nothing is lost if this process dies too.
        """
        found: list[Mapping[str, Any]] = []
        broken: list[Path] = []
        for file in self._others():
            if (files is not None and file not in files) or not self._take(file):
                continue
            try:
                value = json.loads(file.read_text("utf-8"))
            except (OSError, ValueError):
                broken.append(file)
                continue
            found.append({"value": value, "file": file})
        return found, broken

    def write(self, value: Mapping[str, Any] | None) -> None:
        """Keep *value* instead of what was kept before, whole or not at all; None keeps nothing."""
        file = self._folder / f"{self._name}.json"
        if value is None:
            with contextlib.suppress(FileNotFoundError):
                file.unlink()
            return
        self._hold()
        temporary = file.with_suffix(".tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            json.dump(value, out)
        temporary.replace(file)

    def forget(self, file: Path) -> None:
        """Delete what was taken over, which this process's own file now holds."""
        for each in (file, file.with_suffix(".lock")):
            with contextlib.suppress(OSError):
                each.unlink()
        if (lock := self._taken.pop(file, None)) is not None:
            lock.release()

    def close(self) -> None:
        """Leave what is kept to the next process."""
        for lock in self._taken.values():
            lock.release()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _hold(self) -> None:
        if self._lock is None:
            import filelock  # noqa: PLC0415  3 MB that an idle server saves

            private(self._folder)
            self._lock = filelock.FileLock(self._folder / f"{self._name}.lock")
            self._lock.acquire(timeout=1)

    def _others(self) -> list[Path]:
        """Return what other processes wrote and this one has not taken."""
        files = (each for each in self._folder.glob("*.json") if each.stem != self._name)
        return sorted((each for each in files if each not in self._taken), key=_age)

    def _take(self, file: Path) -> bool:
        """Take what another process wrote, unless it is alive or a third process took it."""
        import filelock  # noqa: PLC0415  as above

        lock = filelock.FileLock(file.with_suffix(".lock"))
        try:
            lock.acquire(blocking=False)
        except filelock.Timeout:
            return False
        self._taken[file] = lock
        if not file.exists():
            self.forget(file)
            return False
        return True


def _age(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0
