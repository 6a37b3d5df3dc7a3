"""Open, replace and remove files so that nobody can swap a link in between.

Each parent folder is opened relative to the one before, and none may be a link: the path was
resolved earlier (`inhouse.tools.access.paths`), so a link found now was put there since.  Windows
has no such calls: there the opened file is compared with the path again.
"""

import contextlib
import errno
import os
import secrets
import stat
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import partial
from io import FileIO
from pathlib import Path

from attrs import frozen

from inhouse.core import hard_links
from inhouse.core.errors import ToolError

MOST_BYTES = 10_000_000
"""A larger file is not read."""

_BY_FOLDER = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_FOLDER = getattr(os, "O_DIRECTORY", 0)
_CLOSED = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)


def read_bytes(root: Path, relative: str, *, most: int = MOST_BYTES) -> bytes:
    """Read a regular file under the real *root*.  Raises `OSError` and `ToolError`."""
    with _parent(root, relative, create=False) as (folder, name):
        descriptor = _open(root, relative, folder, name)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            _check_regular(relative, status)
            _check_names(root, relative, status)
            if status.st_size > most:
                raise ToolError(
                    f"{relative!r} has {status.st_size:,} bytes; at most {most:,} are read.  "
                    "Use code_search for what you need in it.",
                    code="too_large",
                )
            content = file.read(most + 1)
    if len(content) > most:
        raise ToolError(f"{relative!r} is too large to be read.", code="too_large")
    return content


@frozen
class FolderEntry:
    """One name in a folder."""

    name: str
    kind: str
    """``file``, ``folder``, ``link`` or ``other``."""


def list_folder(root: Path, relative: str) -> tuple[FolderEntry, ...]:
    """List a folder under the real *root*, in the order of names."""
    with _folder(root, relative) as folder, os.scandir(folder) as entries:
        found = [FolderEntry(entry.name, _kind(entry)) for entry in entries]
    return tuple(sorted(found, key=lambda entry: entry.name))


@frozen
class Was:
    """What a file must still contain when it is changed; None if it must not exist."""

    content: bytes | None


class ChangedMeanwhileError(Exception):
    """A file no longer contains what a change was made for; it was not touched."""


def write_bytes(root: Path, relative: str, content: bytes, *, was: Was | None = None) -> None:
    """Create or replace a file under the real *root* atomically.

    A file with other hard links, with an owner or attributes that a new file cannot get, or in a
    folder that takes no new file, is written in place, so that it stays the same file.  Raises
    `OSError`, `ToolError` for a read-only one, and `ChangedMeanwhileError` if *was* does not hold.
    """
    with _parent(root, relative, create=True) as (folder, name):
        before = _status(root, relative, folder, name)
        way = _way(root, relative, folder)
        in_place = partial(_write_in_place, root, relative, folder, content, was=was)
        if before is not None:
            _check_writable(relative, before, way(name), folder)
            if before.st_nlink > 1:
                _check_names(root, relative, before)
                in_place()
                return
        temporary = f".{name[:100]}.{secrets.token_hex(6)}.tmp"
        try:
            alike = _written(way(temporary), way(name), folder, content, before)
            if alike:
                _recheck(root, relative)
                _check_content(root, relative, was)
                _put(way(temporary), way(name), folder, new=was is not None and before is None)
        except OSError as error:
            alike = before is None or error.errno not in _NO_NEIGHBOUR
            if alike:
                raise
        finally:
            with contextlib.suppress(OSError):
                os.unlink(way(temporary), dir_fd=folder)
        if not alike:
            in_place()


_NO_NEIGHBOUR = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY})
"""A folder takes no new file, or the file itself is mounted."""


def _written(
    temporary: str, name: str, folder: int | None, content: bytes, before: os.stat_result | None
) -> bool:
    """Write a new file; return whether it is like the one that it will replace."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW | _CLOSED
    descriptor = os.open(temporary, flags, 0o666, dir_fd=folder)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        return before is None or (
            _made_alike(descriptor, before) and _with_attributes(descriptor, name, folder)
        )


def _put(temporary: str, name: str, folder: int | None, *, new: bool) -> None:
    """Give a written file its name; a *new* one must not replace what somebody has just made."""
    if new:
        try:
            os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except FileExistsError as error:
            raise ChangedMeanwhileError from error
        except OSError:
            pass  # This file system has no hard links.
        else:
            return
    os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)


def _check_content(root: Path, relative: str, was: Was | None) -> None:
    if was is None:
        return
    try:
        now = read_bytes(root, relative)
    except FileNotFoundError:
        now = None
    if now != was.content:
        raise ChangedMeanwhileError


def _write_in_place(
    root: Path, relative: str, folder: int | None, content: bytes, *, was: Was | None
) -> None:
    name = relative.rpartition("/")[2]
    flags = os.O_RDWR | _NO_FOLLOW | _NO_WAIT | _CLOSED
    descriptor = os.open(_way(root, relative, folder)(name), flags, dir_fd=folder)
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        _check_regular(relative, os.fstat(descriptor))
        _recheck(root, relative)
        old = file.read()
        if was is not None and old != was.content:
            raise ChangedMeanwhileError
        try:
            _overwrite(file, content)
        except OSError:
            _overwrite(file, old)  # It was there before, so there is room for it.
            raise


def _overwrite(file: FileIO, content: bytes) -> None:
    """Replace all of an open file; a full disk is noticed before anything is overwritten.

    Where no space can be reserved it is noticed on the way, so the file has no buffer that would
    still hold the rest.
    """
    file.seek(0)
    if hasattr(os, "posix_fallocate") and content:
        try:
            os.posix_fallocate(file.fileno(), 0, len(content))
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]
    file.truncate()


def _with_attributes(descriptor: int, name: str, folder: int | None) -> bool:
    """Give a new file the access lists and attributes of *name*; return whether that worked."""
    if sys.platform != "linux":
        return True
    try:
        old = os.open(name, os.O_RDONLY | _NO_FOLLOW | _NO_WAIT | _CLOSED, dir_fd=folder)
    except OSError:
        return False
    try:
        there, mine = _attributes(old), _attributes(descriptor)
        for each in mine.keys() - there.keys():  # Its folder may give lists to new files.
            os.removexattr(descriptor, each)
        for each, value in there.items():
            if mine.get(each) != value:
                os.setxattr(descriptor, each, value)
    except OSError:
        return False
    finally:
        os.close(old)
    return True


def _attributes(descriptor: int) -> dict[str, bytes]:
    if sys.platform != "linux":
        return {}
    try:
        return {name: os.getxattr(descriptor, name) for name in os.listxattr(descriptor)}
    except OSError as error:
        if error.errno == errno.ENOTSUP:  # This file system has none.
            return {}
        raise


def _made_alike(descriptor: int, before: os.stat_result) -> bool:
    """Give a new file the owner and mode of the one it replaces; return whether that worked."""
    if not hasattr(os, "fchown"):
        return True
    now = os.fstat(descriptor)
    if (now.st_uid, now.st_gid) != (before.st_uid, before.st_gid):
        try:
            os.fchown(descriptor, before.st_uid, before.st_gid)
        except OSError:
            return False
    os.fchmod(descriptor, stat.S_IMODE(before.st_mode))
    return True


def _check_writable(relative: str, before: os.stat_result, way: str, folder: int | None) -> None:
    may = os.access(way, os.W_OK, dir_fd=folder) if folder is not None else os.access(way, os.W_OK)
    if may and before.st_mode & 0o222:
        return
    raise ToolError(
        f"{relative!r} is read-only: nothing was written.  Ask the user to make it writable, or "
        "write another file.",
        code="read_only",
    )


def remove_file(root: Path, relative: str, *, was: Was | None = None) -> None:
    """Remove a regular file under the real *root*.

    Raises `ChangedMeanwhileError` if *was* does not hold.
    """
    with _parent(root, relative, create=False) as (folder, name):
        before = _status(root, relative, folder, name)
        way = _way(root, relative, folder)
        if before is not None:
            _check_writable(relative, before, way(name), folder)
        _recheck(root, relative)
        _check_content(root, relative, was)
        os.unlink(way(name), dir_fd=folder)


@contextmanager
def _folder(root: Path, relative: str) -> Generator[int | Path]:
    """Open a folder itself."""
    if not _BY_FOLDER or os.scandir not in os.supports_fd:
        _recheck(root, relative)
        yield root / relative
        return
    with _parent(root, f"{relative}/." if relative else ".", create=False) as (folder, _):
        assert folder is not None  # noqa: S101  this system opens folders
        yield folder


def _kind(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        return "link"
    if entry.is_dir(follow_symlinks=False):
        return "folder"
    return "file" if entry.is_file(follow_symlinks=False) else "other"


@contextmanager
def _parent(root: Path, relative: str, *, create: bool) -> Generator[tuple[int | None, str]]:
    """Open the folder that holds *relative*; return it and the file's name."""
    *folders, name = relative.split("/")
    if not name:
        raise ToolError("That is the root of the workspace, not a file.", code="path")
    if not _BY_FOLDER:
        if create:
            (root / relative).parent.mkdir(parents=True, exist_ok=True)
        yield None, name
        return
    folder = os.open(root, os.O_RDONLY | _FOLDER | _CLOSED)
    try:
        for part in folders:
            inner = _enter(folder, part, relative, create=create)
            os.close(folder)
            folder = inner
        yield folder, name
    finally:
        os.close(folder)


def _enter(folder: int, part: str, relative: str, *, create: bool) -> int:
    if create:
        with contextlib.suppress(FileExistsError):
            os.mkdir(part, dir_fd=folder)
    try:
        return os.open(part, os.O_RDONLY | _FOLDER | _NO_FOLLOW | _CLOSED, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.ELOOP or (error.errno == errno.ENOTDIR and _is_link(part, folder)):
            raise _swapped(relative) from None
        raise


def _open(root: Path, relative: str, folder: int | None, name: str) -> int:
    flags = os.O_RDONLY | _NO_FOLLOW | _NO_WAIT | _CLOSED
    if folder is None:
        return _open_and_compare(root, relative, flags)
    before = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if not stat.S_ISLNK(before.st_mode):
        _check_regular(relative, before)
    try:
        return os.open(name, flags, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _swapped(relative) from None
        raise


def _open_and_compare(root: Path, relative: str, flags: int) -> int:
    path = root / relative
    _check_regular(relative, path.stat())
    descriptor = os.open(path, flags)
    try:
        _recheck(root, relative)
        if not os.path.samestat(os.fstat(descriptor), path.stat()):
            raise _swapped(relative)  # noqa: TRY301  the descriptor is closed below
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _recheck(root: Path, relative: str) -> None:
    """Resolve the path again on systems where folders cannot be held open."""
    if not _BY_FOLDER and Path(os.path.realpath(root / relative)) != root / relative:
        raise _swapped(relative)


def _status(root: Path, relative: str, folder: int | None, name: str) -> os.stat_result | None:
    """Return the status of a file that will be replaced; refuse anything but a regular file."""
    try:
        status = os.stat(_way(root, relative, folder)(name), dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(status.st_mode):
        raise _swapped(relative)
    _check_regular(relative, status)
    return status


class _Way:
    """Names a sibling: relative to its open folder, else by its whole path."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def __call__(self, name: str) -> str:
        return name if self._folder is None else str(self._folder / name)


def _way(root: Path, relative: str, folder: int | None) -> _Way:
    return _Way(None if folder is not None else (root / relative).parent)


def _is_link(part: str, folder: int) -> bool:
    try:
        return stat.S_ISLNK(os.stat(part, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return False


def _check_names(root: Path, relative: str, status: os.stat_result) -> None:
    if reason := hard_links.reason_against(root, status):
        raise ToolError(f"{relative!r} is refused: {reason}.", code="refused_file")


def _check_regular(relative: str, status: os.stat_result) -> None:
    if stat.S_ISREG(status.st_mode):
        return
    kinds: Sequence[tuple[bool, str]] = (
        (stat.S_ISDIR(status.st_mode), "a folder: use list_directory"),
        (stat.S_ISFIFO(status.st_mode), "a pipe"),
        (stat.S_ISSOCK(status.st_mode), "a socket"),
        (stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode), "a device"),
    )
    kind = next((kind for yes, kind in kinds if yes), "something else")
    raise ToolError(f"{relative!r} is not a regular file but {kind}.", code="not_a_file")


def _swapped(relative: str) -> ToolError:
    return ToolError(
        f"{relative!r} was exchanged for a link while it was being opened; nothing was touched.  "
        "Try again, or tell the user.",
        code="outside_workspace",
    )
