"""Message framing: bytes to JSON-RPC bodies and back."""

import json
import re
from collections.abc import Iterator
from typing import Any

_LENGTH = re.compile(
    rb"^content-length[ \t]*:[ \t]*(\d{1,15})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE
)
_END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")
_LONGEST_HEADERS = 1 << 14


class Framing:
    """Cuts a stream of bytes into bodies, however the bytes arrive."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._missing: int | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take more bytes; return every body that is now complete."""
        self._buffer += data
        while True:
            while self._missing is None:
                end = _END_OF_HEADERS.search(self._buffer)
                if end is None:
                    # Of noise without an end only the last bytes may be the beginning of headers.
                    del self._buffer[:-_LONGEST_HEADERS]
                    return
                length = _LENGTH.search(self._buffer, 0, end.start())
                if length is not None:  # Otherwise it is noise between two messages: look after it.
                    self._missing = int(length.group(1))
                del self._buffer[: end.end()]
            if len(self._buffer) < self._missing:
                return
            body = bytes(self._buffer[: self._missing])
            del self._buffer[: self._missing]
            self._missing = None
            yield body


def encoded(message: dict[str, Any]) -> bytes:
    """Return a message as it is sent."""
    return frame(json.dumps(message, separators=(",", ":"), ensure_ascii=False))


def frame(body: str) -> bytes:
    """Add the header to a body; replace unpaired surrogates, which strict readers refuse."""
    try:
        data = body.encode()
    except UnicodeEncodeError:
        data = body.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()
    return b"Content-Length: %d\r\n\r\n%b" % (len(data), data)
