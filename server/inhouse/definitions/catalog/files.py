"""Files as they are on disk: read without ever blocking, and checked to be text."""

import errno
import hashlib
from pathlib import Path

from attrs import frozen

from inhouse.core.files import MOST_BYTES, NotAFileError, ReadBytes, read_regular
from inhouse.core.text import START, Problem, Range, Severity
from inhouse.definitions.catalog.folders import unreadable
from inhouse.definitions.readers.source_ranges import Lines

LARGEST_BYTES = MOST_BYTES


@frozen
class FileText:
    """The text of a file."""

    text: str
    digest: str
    """SHA-256 of its bytes."""
    problems: tuple[Problem, ...] = ()


def read_file(path: Path, read: ReadBytes = read_regular) -> FileText:
    """Read a text file.

    Never raises; devices, pipes and files that are too large are not opened.
    """
    try:
        return decode(path, read(path))
    except NotAFileError as error:
        if error.errno == errno.EFBIG:
            message = (
                f"A definition may have {LARGEST_BYTES:,} bytes at most, and this file has more."
            )
            return _nothing(path, "too-large", message)
        return _nothing(
            path, "not-a-file", "This is not a regular file, so Inhouse does not read it."
        )
    except (OSError, ValueError) as error:
        return FileText("", "", (unreadable(path, error),))


def text_of(text: str) -> FileText:
    """Return an unsaved text as if it were on disk."""
    data = text.encode("utf-8", "surrogatepass")
    return FileText(text, hashlib.sha256(data).hexdigest())


def decode(path: Path, data: bytes) -> FileText:
    """Return the text of some bytes, and a problem if they are not text."""
    digest = hashlib.sha256(data).hexdigest()
    try:
        return FileText(data.decode("utf-8-sig"), digest)
    except UnicodeDecodeError as error:
        text = data.decode("utf-8", "replace")
        start = len(data[: error.start].decode("utf-8", "replace"))
        place = Lines(text).range(start, start + 1)
        return FileText(text, digest, (_not_text(path, place, data),))


def _not_text(path: Path, place: Range, data: bytes) -> Problem:
    hint = " (it looks like UTF-16)" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else ""
    message = f"Not UTF-8 from here on{hint}: save it as UTF-8."
    return Problem(path, place, Severity.ERROR, "not-utf8", message)


def _nothing(path: Path, code: str, message: str) -> FileText:
    return FileText("", "", (Problem(path, START, Severity.ERROR, code, message),))
