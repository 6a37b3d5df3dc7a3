"""Files as they are on disk: read without ever blocking, and checked to be text."""

import hashlib
import os
import stat
from pathlib import Path

from attrs import frozen

from inhouse.core.text import START, Problem, Range, Severity
from inhouse.definitions.catalog.folders import unreadable
from inhouse.definitions.readers.source_ranges import Lines

LARGEST_BYTES = 4_000_000


@frozen
class FileText:
    """What a file says, as far as it is text."""

    text: str
    digest: str
    """SHA-256 of its bytes."""
    problems: tuple[Problem, ...] = ()


def read_file(path: Path) -> FileText:
    """Read a file of text.  Never raises; devices, pipes and what is too large are not opened."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return _nothing(path, "not-a-file", "This is no regular file: it is not read.")
        if status.st_size > LARGEST_BYTES:
            message = f"{status.st_size:,} bytes are too many for a definition."
            return _nothing(path, "too-large", message)
        data = _bytes(path)
    except (OSError, ValueError) as error:
        return FileText("", "", (unreadable(path, error),))
    return decode(path, data)


def text_of(text: str) -> FileText:
    """An unsaved text as if it were on disk."""
    data = text.encode("utf-8", "surrogatepass")
    return FileText(text, hashlib.sha256(data).hexdigest())


def decode(path: Path, data: bytes) -> FileText:
    """The text of some bytes, and a problem where they are none."""
    digest = hashlib.sha256(data).hexdigest()
    try:
        return FileText(data.decode("utf-8-sig"), digest)
    except UnicodeDecodeError as error:
        text = data.decode("utf-8", "replace")
        start = len(data[: error.start].decode("utf-8", "replace"))
        place = Lines(text).range(start, start + 1)
        return FileText(text, digest, (_not_text(path, place, data),))


def _bytes(path: Path) -> bytes:
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as file:
        return file.read(LARGEST_BYTES + 1)


def _not_text(path: Path, place: Range, data: bytes) -> Problem:
    hint = " (it looks like UTF-16)" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else ""
    message = f"Not UTF-8 from here on{hint}: save it as UTF-8."
    return Problem(path, place, Severity.ERROR, "not-utf8", message)


def _nothing(path: Path, code: str, message: str) -> FileText:
    return FileText("", "", (Problem(path, START, Severity.ERROR, code, message),))
