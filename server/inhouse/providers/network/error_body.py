"""Reads the bodies of errors, which may be compressed although nobody asked for it."""

import re
import zlib

COMPRESSIONS = frozenset({"gzip", "x-gzip", "deflate", "br", "zstd", "compress", "x-compress"})
"""Other words in ``Content-Encoding``, such as ``none``, say nothing of a body's form."""
_UNKNOWN = frozenset({"br", "zstd", "compress", "x-compress"})
_MOST_LAYERS = 3
_GZIP, _ZLIB, _DEFLATE = 31, 15, -15
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")


def compressions(encoding: str) -> list[str]:
    """Return the compressions that a ``Content-Encoding`` names."""
    named = [one.strip() for one in encoding.lower().split(",")]
    return [one for one in named if one in COMPRESSIONS]


def readable(data: bytes, encoding: str, *, limit: int) -> bytes:
    """Return at most *limit* bytes of an error's text.

    What a body is shows in its first bytes, whatever *encoding* says; one that breaks off gives
    what came.
    """
    named = compressions(encoding) if data else []
    text = data
    for _ in range(_MOST_LAYERS):
        if text.startswith(b"\x1f\x8b"):
            text = _unpacked(text, _GZIP, limit)
        elif text is data and named and not _is_text(data) and not _UNKNOWN.intersection(named):
            is_zlib = int.from_bytes(data[:2], "big") % 31 == 0 and data[0] & 15 == 8  # noqa: PLR2004  RFC 1950
            text = _unpacked(data, _ZLIB if is_zlib else _DEFLATE, limit)
        else:
            break
    if named and not (_is_text(text) if text is data else _is_words(text)):
        return f"(Its words are compressed with {', '.join(named)!r}.)".encode()
    return text[:limit]


def _unpacked(data: bytes, form: int, limit: int) -> bytes:
    """Return at most *limit* bytes, so that an endless body is abandoned early."""
    text = b""
    while data and len(text) < limit:
        unpacking = zlib.decompressobj(form)
        try:
            text += unpacking.decompress(data, limit - len(text))
        except zlib.error:
            break
        data = unpacking.unused_data
    return text


def _is_text(data: bytes) -> bool:
    return _is_utf8(data) and not _CONTROL.search(data[:64].decode("utf-8", "ignore"))


def _is_words(unpacked: bytes) -> bool:
    """Return whether they are text, in UTF-8 or an older encoding."""
    start = unpacked[:64].decode("latin-1")
    is_plain = re.search(r'[ \n"<]', start) and not _CONTROL.search(start)
    return bool(is_plain) or _is_utf8(unpacked)


def _is_utf8(data: bytes) -> bool:
    start = data[:64]
    kept = len(start.decode("utf-8", "ignore").encode())
    return bool(start) and len(start) - kept <= 3  # noqa: PLR2004  half a character
