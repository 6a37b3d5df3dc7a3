"""Bytes to text and back, so that what is not changed stays as it was, byte for byte."""

import codecs

from attrs import frozen

from inhouse.core.errors import ToolError

_SAMPLE = 8_000
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@frozen
class Encoding:
    """How a file is written."""

    codec: str = "utf-8"
    mark: bytes = b""
    """The byte order mark it begins with."""


def decode(content: bytes, *, name: str) -> tuple[str, Encoding]:
    """Give the text, without a byte order mark, and how it was written.

    Raises `ToolError` where it is no text.
    """
    encoding = detect(content, name=name)
    return content[len(encoding.mark) :].decode(encoding.codec), encoding


def detect(content: bytes, *, name: str) -> Encoding:
    """Find out how *content* is written; raises `ToolError` where it is no text."""
    for mark, codec in _MARKS:
        if content.startswith(mark) and _decodes(content[len(mark) :], codec):
            return Encoding(codec, mark)
    if b"\0" in content[:_SAMPLE]:
        raise ToolError(
            f"{name!r} is a binary file ({len(content):,} bytes), not text.  "
            "Its content cannot be shown or edited here.",
            code="binary",
        )
    if _decodes(content, "utf-8"):
        return Encoding()
    # Old files of one byte a character: Latin-1 gives every byte back as it was.
    return Encoding("cp1252" if _decodes(content, "cp1252") else "latin-1")


def encode(text: str, encoding: Encoding, *, name: str) -> bytes:
    """Give the bytes of *text*; raises `ToolError` where the file's encoding cannot hold it."""
    try:
        return encoding.mark + text.encode(encoding.codec)
    except UnicodeEncodeError as error:
        raise ToolError(
            f"{name!r} is written in {encoding.codec}, which has no "
            f"{text[error.start : error.start + 1]!r}.  Use other characters.",
            code="encoding",
        ) from None


def _decodes(content: bytes, codec: str) -> bool:
    try:
        content.decode(codec)
    except UnicodeDecodeError:
        return False
    return True
