"""Where a Git repository is and the names that it tracks: no Git is run for it.

Format: gitrepository-layout(5), and gitformat-index(5), versions 2 to 4.  Any other file tracks
nothing.
"""

import errno
import os
import struct
from pathlib import Path

from attrs import frozen

from inhouse.core.files import NotAFileError, read_regular

_MOST_BYTES = 200_000_000
_MOST_BYTES_OF_A_PATH = 4_096
"""To find out where a path leads takes time that grows with the square of its length."""
_FIXED = 40
"""Bytes of an entry before its object name."""


@frozen
class Tracked:
    """What a repository tracks, by the path from its top."""

    files: frozenset[str] = frozenset()
    folders: frozenset[str] = frozenset()
    """Folders that contain a tracked file."""

    def has(self, relative: str, *, is_folder: bool) -> bool:
        return relative in (self.folders if is_folder else self.files)


def repository_of(folder: Path) -> tuple[Path, Path] | None:
    """Return the top of the repository that holds *folder*, and the folder of its index."""
    for top in (folder, *folder.parents):
        inner = top / ".git"
        if inner.is_dir():
            return top, inner
        try:
            named = path_in(inner, after="gitdir: ")
        except OSError:
            return None
        if named:  # a worktree or a submodule
            return top, Path(os.path.realpath(top / named))
    return None


def shared_folder(git_folder: Path) -> Path:
    """Return the folder that a worktree shares with its repository.

    Raises `OSError` if that cannot be read.
    """
    return git_folder / (path_in(git_folder / "commondir") or ".")


def path_in(file: Path, *, after: str = "") -> str:
    """Return the path that a file of a repository consists of, exactly as Git reads it.

    Empty if there is no file, or none that begins like this.  Raises `OSError` if the file cannot
    be read, or names another computer, which Windows would greet with the user's name.
    """
    try:
        text = read_regular(file, _MOST_BYTES_OF_A_PATH).decode("utf-8", "surrogateescape")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    if not text.startswith(after):
        return ""
    path = text.removeprefix(after).rstrip("\r\n").partition("\0")[0]
    if path.startswith(("//", "\\\\")):
        raise NotAFileError(errno.EINVAL, "it names another computer", str(file))
    return path


def tracked_names(content: bytes) -> Tracked:
    """Read an index."""
    names = list(object_names(content))
    folders: set[str] = set()
    for name in names:
        above = name.rpartition("/")[0]
        while above and above not in folders:
            folders.add(above)
            above = above.rpartition("/")[0]
    return Tracked(frozenset(names), frozenset(folders))


def object_names(content: bytes) -> dict[str, bytes]:
    """Return the object of each name in an index; none if the file is not an index."""
    try:
        return _entries(content, 20) or _entries(content, 32)
    except (struct.error, IndexError, ValueError):
        return {}


def read_index(git_folder: Path) -> bytes:
    """Return the bytes of an index; none if it is missing or very large."""
    index = git_folder / "index"
    try:
        return read_regular(index, _MOST_BYTES)
    except OSError:
        return b""


def _entries(content: bytes, hash_size: int) -> dict[str, bytes]:
    """Read the entries; none if the object names have another size."""
    magic, version, count = struct.unpack_from(">4sII", content)
    if magic != b"DIRC" or version not in {2, 3, 4}:
        return {}
    found: dict[str, bytes] = {}
    at, before = 12, b""
    for _ in range(count):
        start = at
        at += _FIXED + hash_size
        (flags,) = struct.unpack_from(">H", content, at)
        at += 4 if flags & 0x4000 else 2
        if version == 4:  # noqa: PLR2004
            cut, at = _number(content, at)
            end = content.index(b"\0", at)
            name = before[: len(before) - cut] + content[at:end]
            at = end + 1
        else:
            end = content.index(b"\0", at)
            name = content[at:end]
            at = start + (end - start + 8) // 8 * 8
        if flags & 0x0FFF not in {len(name), 0x0FFF}:
            return {}
        before = name
        found[name.decode("utf-8", "surrogateescape")] = content[
            start + _FIXED : start + _FIXED + hash_size
        ]
    return found


def _number(content: bytes, at: int) -> tuple[int, int]:
    """Read a number of variable length, encoded like offsets in pack files."""
    byte = content[at]
    value = byte & 127
    while byte & 128:
        at += 1
        byte = content[at]
        value = ((value + 1) << 7) | (byte & 127)
    return value, at + 1
