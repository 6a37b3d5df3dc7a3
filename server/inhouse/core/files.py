"""Reading files that somebody else may have written: never blocking, never more than allowed.

`read_regular` opens regular files only and reads a limited number of bytes; `FileSnapshot` reads
each file once, so that what is compared with what was trusted and what is parsed or run are the
very same bytes.
"""

import errno
import hashlib
import os
import stat
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

MOST_BYTES = 4_000_000
"""The limit for any file that a definition, its settings or its trust depend on."""

SKIPPED_FOLDERS = frozenset({"node_modules", "__pycache__", ".git"})
"""Trust does not cover what is in them, so nothing in them is a definition either."""

ReadBytes = Callable[[Path], bytes]
"""Returns a file's bytes.  Raises `OSError`."""


def holds_home(folder: Path) -> bool:
    """Return whether a folder is the user's home or above it, so that nobody works in it."""
    return Path.home().resolve().is_relative_to(folder.resolve())


class NotAFileError(OSError):
    """A device, a pipe, a folder, or a file with more bytes than allowed."""


def read_regular(path: Path, most: int = MOST_BYTES) -> bytes:
    """Read a regular file of at most *most* bytes.  Raises `OSError`, `NotAFileError` among it.

    Never waits for a pipe or a device.  A circle of links is an error, and so is a file that grows
    beyond the limit while it is read.
    """
    if "\0" in str(path):
        raise NotAFileError(errno.EINVAL, "no file can have this name", str(path))
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    flags |= getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0)
    if not stat.S_ISREG(path.stat().st_mode):  # Merely opening some devices has an effect.
        raise NotAFileError(errno.EINVAL, "it is not a regular file", str(path))
    descriptor = os.open(path, flags)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise NotAFileError(errno.EINVAL, "it is not a regular file", str(path))
        data = file.read(most + 1) if status.st_size <= most else b""
    if status.st_size > most or len(data) > most:
        raise NotAFileError(errno.EFBIG, f"it has more than {most:,} bytes", str(path))
    return data


class FileSnapshot:
    """Files as they were when each was first asked for.  Safe to share between threads."""

    def __init__(self) -> None:
        self._read: dict[str, bytes | _Failed] = {}
        self._lock = threading.Lock()

    def read(self, path: Path) -> bytes:
        """Return the bytes, or raise `OSError`: the same each time."""
        key = os.path.realpath(path)
        with self._lock:
            found = self._read.get(key)
            if found is None:
                found = self._read[key] = _tried(Path(key))
        if isinstance(found, bytes):
            return found
        kind, number, message = found
        raise kind(number, message, str(path))

    def digest(self, path: Path) -> str:
        """Return the SHA-256 of a file; empty if it cannot be read."""
        try:
            return sha256(self.read(path))
        except OSError:
            return ""


def sha256(data: bytes) -> str:
    """Return the digest in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


_Failed = tuple[type[OSError], int, str]
"""Not the error itself, which would keep its traceback's frames alive."""


def _tried(path: Path) -> bytes | _Failed:
    try:
        data = read_regular(path)
    except NotAFileError as error:
        return NotAFileError, error.errno or errno.EINVAL, error.strerror or ""
    except OSError as error:
        return OSError, error.errno or errno.EIO, error.strerror or str(error)
    except ValueError as error:  # A name with a NUL in it.
        return OSError, errno.EINVAL, str(error)
    if os.path.realpath(path) != str(path):  # A parent folder became a link meanwhile.
        return OSError, errno.EAGAIN, "it changed while it was read: try again"
    return data


def replace_file(target: Path, content: bytes, *, prefix: str) -> None:
    """Write a whole file or nothing; only its owner can ever read it.

    *prefix* begins the name of the temporary file beside it, which is deleted if anything fails.
    Raises `OSError`.
    """
    descriptor, name = tempfile.mkstemp(prefix=prefix, dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
