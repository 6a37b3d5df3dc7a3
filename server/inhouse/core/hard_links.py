"""Other names of one file: a hard link may lead out of a workspace, and nothing shows it."""

import os
import threading
import time
from pathlib import Path

from inhouse.core.protected_files import rule

_MOST_NAMES = 500_000
_GOOD_FOR, _IN_DOUBT = 5.0, 0.5
"""Seconds for which a workspace's names are believed: usually, and if one is missing."""

_known: dict[str, tuple[float, dict[int, list[str]]]] = {}
_turn = threading.Lock()


def reason_against(root: Path, status: os.stat_result) -> str | None:
    """Say why a file below the real *root* also has names elsewhere; None if it has not.  Blocks.

    Every name of it must be found below *root*, and none of them may be a protected one.
    """
    if status.st_nlink < 2:  # noqa: PLR2004  its own name
        return None
    names = _names_of(root, status, _GOOD_FOR)
    if len(names) < status.st_nlink:
        names = _names_of(root, status, _IN_DOUBT)
    for relative in names:
        if found := rule(relative):
            return f"it is a hard link to {relative!r}, which matches {found}"
    if len(names) < status.st_nlink:
        return (
            "it is a hard link that also has a name outside the workspace; to use it, replace it "
            "with a copy"
        )
    return None


def _names_of(root: Path, status: os.stat_result, good_for: float) -> list[str]:
    listed = _names(root, good_for).get(status.st_ino, ())
    return [relative for relative in listed if _is_same(root / relative, status)]


def _is_same(path: Path, status: os.stat_result) -> bool:
    try:
        return os.path.samestat(path.lstat(), status)
    except OSError:
        return False


def _names(root: Path, good_for: float) -> dict[int, list[str]]:
    """Return the names below *root* by inode."""
    with _turn:
        now = time.monotonic()
        made, found = _known.get(str(root), (now - _GOOD_FOR, {}))
        if now - made >= good_for:
            found = _listed(root)
            _known.clear()  # For one workspace at a time.
            _known[str(root)] = (time.monotonic(), found)
        return found


def _listed(root: Path) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    waiting, count = [""], 0
    while waiting and count < _MOST_NAMES:
        folder = waiting.pop()
        try:
            with os.scandir(root / folder) as entries:
                for entry in entries:
                    count += 1
                    relative = f"{folder}/{entry.name}" if folder else entry.name
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(relative)
                    elif not entry.is_symlink():
                        found.setdefault(_number(entry), []).append(relative)
        except OSError:
            continue
    return found


def _number(entry: os.DirEntry[str]) -> int:
    """On Windows, a folder's listing gives another number than the file itself."""
    return entry.inode() if os.name != "nt" else os.lstat(entry.path).st_ino
