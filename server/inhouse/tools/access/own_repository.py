"""Finds out whether the repository that Git would use is really this folder's.

A folder may come with a ``.git`` that leads to any of the user's repositories: by ``gitdir:``,
``commondir``, links or ``core.worktree``.  Git would then reveal that repository's contents.
Source: gitrepository-layout(5), git-worktree(1).
"""

import os
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from inhouse.core.files import read_regular
from inhouse.processes import is_below

_MOST_BYTES = 4_096
_MOST_NAMES = 50_000


@frozen
class OwnRepository:
    """The repository of a folder."""

    top: Path
    """The folder with the ``.git``."""

    @property
    def ceiling(self) -> str:
        """The folder at which Git must stop looking for another one."""
        return str(self.top.parent)


@frozen
class ForeignRepository:
    """What looks like a folder's repository but is another one."""

    why: str


def look_at_repository(folder: Path) -> OwnRepository | ForeignRepository | None:
    """Find the repository of *folder* as Git would; None if there is none.

    Blocks; starts no Git.
    """
    for top in (folder, *folder.parents):
        if os.path.lexists(top / ".git"):
            top = Path(os.path.realpath(top))  # noqa: PLW2901  the same folder
            why = _foreign(top)
            return OwnRepository(top) if why is None else ForeignRepository(why)
    return None


def _foreign(top: Path) -> str | None:
    """Say how the repository at *top* is not its own; None if it is."""
    inner, named = top / ".git", ""
    if inner.is_file():
        named = _line(inner).removeprefix("gitdir:").strip()
    found = Path(os.path.realpath(top / named if named else inner))
    common = Path(os.path.realpath(found / (_line(found / "commondir") or ".")))
    if not (is_below(found, (top,)) or _knows(found, common, inner) or _is_module(found, top)):
        return f"its .git leads to {found}, which knows nothing of it"
    if not (is_below(common, (top, found)) or found.parent == common / "worktrees"):
        return f"its .git shares {common}, which knows nothing of it"
    for each in {found, common}:
        for link in _links(each):
            if not is_below(link, (found, common, top)):
                return f"{link.relative_to(each)} of its .git leads elsewhere"
    return None


def _knows(found: Path, common: Path, inner: Path) -> bool:
    """Return whether the repository lists this worktree as one that Git added."""
    back = _line(found / "gitdir")
    same = bool(back) and os.path.realpath(found / back) == os.path.realpath(inner)
    return same and found.parent == common / "worktrees"


def _is_module(found: Path, top: Path) -> bool:
    """Return whether this is a submodule, whose repository is inside a parent folder's."""
    return any(is_below(found, (above / ".git" / "modules",)) for above in top.parents)


def _links(folder: Path) -> Iterator[Path]:
    """Yield the links that Git would follow there."""
    yield from _scan(folder)
    yield from _scan(folder / "objects")
    waiting, seen = [folder / "refs", folder / "logs"], 0
    while waiting and seen < _MOST_NAMES:
        for entry in _entries(waiting.pop()):
            seen += 1
            if entry.is_symlink():
                yield Path(entry.path)
            elif entry.is_dir(follow_symlinks=False):
                waiting.append(Path(entry.path))


def _scan(folder: Path) -> Iterator[Path]:
    return (Path(entry.path) for entry in _entries(folder) if entry.is_symlink())


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        return []


def _line(path: Path) -> str:
    try:
        return read_regular(path, _MOST_BYTES).decode("utf-8", "surrogateescape").strip()
    except OSError:
        return ""
