"""Reads chunked bodies: all complete chunks of a read at once, where h11 returns them singly.

A streamed answer has a chunk for each piece, and each would climb through every layer alone. h11
has no public way to read more at once, so its reader is replaced, and everything but plain complete
chunks (extensions, trailers, what is cut or broken) is left to it.  If h11 differs from what is
known here, nothing is replaced.
"""

import re
from typing import Any

import h11
from h11 import _readers as readers  # pyright: ignore[reportPrivateUsage]

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})\r\n")
_STATE = ("_bytes_in_chunk", "_bytes_to_discard", "_reading_trailer")


class ChunkedReader(readers.ChunkedReader):
    """A reader of chunked bodies for h11 that reads several plain chunks at once."""

    def __call__(self, buf: Any) -> Any:
        """Return the data of all complete chunks; else what h11 returns."""
        if self._bytes_in_chunk or self._reading_trailer or not buf:
            return super().__call__(buf)
        data = bytes(buf.maybe_extract_at_most(len(buf)))
        at = 0
        if self._bytes_to_discard:
            if not data.startswith(self._bytes_to_discard):
                buf += data
                return super().__call__(buf)
            at, self._bytes_to_discard = len(self._bytes_to_discard), b""
        parts: list[bytes] = []
        while (size := _SIZE.match(data, at)) is not None:
            start = size.end()
            end = start + int(size[1], 16)
            if end == start or data[end : end + 2] != b"\r\n":
                break  # The last chunk, or an incomplete or broken one: h11 decides which.
            parts.append(data[start:end])
            at = end + 2
        buf += data[at:]
        if not parts:
            return super().__call__(buf)
        return h11.Data(data=b"".join(parts), chunk_start=True, chunk_end=True)


def install() -> bool:
    """Install this reader in h11; return whether that was possible."""
    body = readers.READERS.get(h11.SEND_BODY)
    known = readers.ChunkedReader()
    if not isinstance(body, dict) or not all(hasattr(known, name) for name in _STATE):
        return False
    if known._bytes_to_discard != b"" or "chunked" not in body:  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        return False
    body["chunked"] = ChunkedReader
    return True
