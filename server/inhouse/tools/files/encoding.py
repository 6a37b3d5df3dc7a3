"""Decodes and encodes files, so that unchanged parts stay the same byte for byte."""

import codecs
import re
from collections.abc import Callable

from attrs import frozen

from inhouse.core.errors import ToolError

_SAMPLE = 8_000
_LARGE_SAMPLE = 1_000_000
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@frozen
class Encoding:
    """How a file is encoded."""

    codec: str = "utf-8"
    mark: bytes = b""
    """Its byte order mark."""
    errors: str = "strict"
    """``surrogateescape`` keeps stray bytes as lone surrogates."""

    @property
    def is_told(self) -> bool:
        """The file says itself how it is written: by a mark, or by being UTF-8."""
        return bool(self.mark) or (self.codec, self.errors) == ("utf-8", "strict")


def decode(content: bytes, *, name: str) -> tuple[str, Encoding]:
    """Return the text, without a byte order mark, and its encoding.

    Raises `ToolError` if it is no text.
    """
    encoding = detect(content, name=name)
    text = content[len(encoding.mark) :].decode(encoding.codec, encoding.errors)
    return text, encoding


def detect(content: bytes, *, name: str) -> Encoding:
    """Detect the encoding of *content*; raises `ToolError` if it is not text."""
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
    if _has_stray_bytes(content):
        return Encoding("utf-8", errors="surrogateescape")
    if (codec := _east_asian(content, name)) is not None:
        return Encoding(codec)
    # Old single-byte files: Latin-1 preserves every byte.
    return Encoding("cp1252" if _decodes(content, "cp1252") else "latin-1")


def encode(text: str, encoding: Encoding, *, name: str) -> bytes:
    """Return the bytes of *text*; raises `ToolError` if the encoding cannot represent it."""
    if encoding.mark:
        text = text.removeprefix("\ufeff")  # The model may have written the mark itself.
    try:
        return encoding.mark + text.encode(encoding.codec, encoding.errors)
    except UnicodeEncodeError as error:
        raise ToolError(
            f"{name!r} is written in {encoding.codec}, which has no "
            f"{text[error.start : error.start + 1]!r}.  Use other characters.",
            code="encoding",
        ) from None


def _has_stray_bytes(content: bytes) -> bool:
    """Return whether this is UTF-8 with a few stray bytes, not another encoding."""
    text = content.decode("utf-8", "surrogateescape")
    stray = sum("\udc80" <= one <= "\udcff" for one in text)
    return stray * 2 <= sum(one > "\x7f" for one in text) - stray


_COMMON_CHINESE = frozenset("的一是不了在人有我他这为之大来以个中上们到说国和地也子时要就下可你年")
_FEWEST = 4
"""How many characters are enough to recognise an encoding."""


def _east_asian(content: bytes, name: str) -> str | None:
    """Find an old encoding of two bytes a character; raises `ToolError` where it is one of several.

    Two adjacent bytes beyond ASCII are rare in Latin-1 and the rule in these encodings.
    """
    if _share(content, "cp932", _is_kana) >= 0.2:  # noqa: PLR2004
        return "cp932"
    high = re.findall(rb"[\x80-\xff]+", content[:_LARGE_SAMPLE])
    paired, total = sum(len(run) for run in high if len(run) > 1), sum(map(len, high))
    if total < 2 * _FEWEST or paired < total * 0.9:
        return None
    for codec, fits, least in _SIGNS:
        if _share(content, codec, fits) >= least:
            return codec
    fitting = [each for each in ("gb18030", "big5", "euc_kr", "euc_jp") if _decodes(content, each)]
    if len(fitting) > 1:
        raise ToolError(
            f"{name!r} is not UTF-8; it seems to be {' or '.join(fitting)}, which cannot be told "
            "for sure.  Ask the user to save it as UTF-8; nothing was read or changed.",
            code="encoding",
        )
    return fitting[0] if fitting else None


def _share(content: bytes, codec: str, fits: Callable[[str], bool]) -> float:
    """Return how many non-ASCII characters fit this encoding; none if it cannot be this one."""
    try:
        text = content.decode(codec)
    except UnicodeDecodeError:
        return 0.0
    found = [one for one in text if one > "\x7f"]
    return sum(map(fits, found)) / len(found) if len(found) >= _FEWEST else 0.0


def _is_kana(one: str) -> bool:
    return "\u3040" <= one <= "\u30ff"


_SIGNS: tuple[tuple[str, Callable[[str], bool], float], ...] = (
    ("euc_jp", _is_kana, 0.2),
    ("gb18030", _COMMON_CHINESE.__contains__, 0.05),
    ("euc_kr", lambda one: "\uac00" <= one <= "\ud7a3", 0.8),
)
"""What identifies each encoding, and how much of it there must be."""


def _decodes(content: bytes, codec: str) -> bool:
    try:
        content.decode(codec)
    except UnicodeDecodeError:
        return False
    return True
