"""Finds out whether the repository that Git would use is really this folder's.

A folder may come with a ``.git`` that leads to any of the user's repositories: by ``gitdir:``,
``commondir``, ``alternates``, links or ``core.worktree``.  Git would then reveal that repository's
contents.  Pipes and devices in the places of its files would hold Git up.
Source: gitrepository-layout(5), git-worktree(1).
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from inhouse.core.files import read_regular
from inhouse.processes import is_below

from .git_index import path_in, shared_folder

_MOST_NAMES = 500_000
"""A large company's repository has tens of thousands of branches, each with a log."""
_PLACES = ("", "info", "objects", "objects/info", "objects/info/commit-graphs", "objects/pack")
"""Folders of a ``.git`` whose files Git reads."""
_TREES = ("refs", "logs", "reftable", "worktrees")
"""Folders of which it reads the folders below, too."""
_NOT_READ = frozenset({"hooks"})
"""It is told not to read these."""


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
    inner = top / ".git"
    try:
        named = path_in(inner, after="gitdir: ") if inner.is_file() else ""
        found = Path(os.path.realpath(top / named if named else inner))
        common = Path(os.path.realpath(shared_folder(found)))
        if not (is_below(found, (top,)) or _knows(found, common, inner) or _is_module(found, top)):
            return f"its .git leads to {found}, which knows nothing of it"
        if not (is_below(common, (top, found)) or found.parent == common / "worktrees"):
            return f"its .git shares {common}, which knows nothing of it"
        if shared := _shared_objects(common):
            return (
                f"it has objects of {shared} (.git/objects/info/alternates).  `git repack -a -d`, "
                "and then removing that file, makes it a repository of its own"
            )
    except OSError as error:
        return f"its .git cannot be read ({error.strerror})"
    return next(
        (why for each in {found, common} if (why := _odd(each, (found, common, top)))), None
    )


def _shared_objects(common: Path) -> str:
    """Return the first folder of objects that is not the repository's own; empty if none."""
    try:
        content = read_regular(common / "objects" / "info" / "alternates")
    except FileNotFoundError:
        return ""
    text = content.decode("utf-8", "surrogateescape")
    return next((line for line in text.split("\n") if line and not line.startswith("#")), "")


def _odd(folder: Path, own: tuple[Path, ...]) -> str | None:
    """Say what of a ``.git`` is elsewhere, or holds Git up; None if nothing is."""
    for seen, entry in enumerate(_read_by_git(folder)):
        if seen > _MOST_NAMES:
            place = _name(entry, folder).partition("/")[0]
            return f"{place} of its .git has too many files to look at"
        if _is_link(entry) and _name(entry, folder) not in _NOT_READ and not _stays(entry, own):
            return f"{_name(entry, folder)} of its .git leads elsewhere"
        if _holds_up(entry):
            return f"{_name(entry, folder)} of its .git is not a regular file"
    return None


def _name(entry: os.DirEntry[str], folder: Path) -> str:
    return Path(entry.path).relative_to(folder).as_posix()


def _knows(found: Path, common: Path, inner: Path) -> bool:
    """Return whether the repository lists this worktree as one that Git added."""
    back = path_in(found / "gitdir")
    same = bool(back) and os.path.realpath(found / back) == os.path.realpath(inner)
    return same and found.parent == common / "worktrees"


def _is_module(found: Path, top: Path) -> bool:
    """Return whether this is a submodule, whose repository is inside a parent folder's."""
    return any(is_below(found, (above / ".git" / "modules",)) for above in top.parents)


def _read_by_git(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Yield what Git reads there under a name that somebody else can know."""
    for each in _PLACES:
        yield from _entries(folder / each)
    waiting = [folder / each for each in _TREES]
    while waiting:
        for entry in _entries(waiting.pop()):
            yield entry
            if entry.is_dir(follow_symlinks=False):
                waiting.append(Path(entry.path))


def _stays(entry: os.DirEntry[str], own: tuple[Path, ...]) -> bool:
    """Return whether a link leads to a file of the repository (nobody looks behind folders)."""
    return not entry.is_dir() and is_below(Path(entry.path), own)


def _is_link(entry: os.DirEntry[str]) -> bool:
    """Return whether it is a symbolic link, or a junction of Windows."""
    if entry.is_symlink() or os.name != "nt":
        return entry.is_symlink()
    try:
        attributes = getattr(entry.stat(follow_symlinks=False), "st_file_attributes", 0)
    except OSError:
        return True
    return bool(attributes & getattr(stat, "FILE_ATTRIBUTE_REPARSE_POINT", 0))


def _holds_up(entry: os.DirEntry[str]) -> bool:
    """Return whether Git would wait for a pipe or a device."""
    if entry.is_dir() or entry.is_file():
        return False
    try:
        kind = entry.stat().st_mode
    except OSError:  # A link to nothing.
        return False
    return stat.S_ISFIFO(kind) or stat.S_ISCHR(kind) or stat.S_ISBLK(kind)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        return []
