"""The protocol of the owner and its workers: a short JSON header and an opaque body."""

import json
import struct
from collections.abc import Mapping
from typing import Any

_SIZES = struct.Struct("<II")
PREFIX = _SIZES.size
MOST_HEADER = 1 << 20
MOST_BODY = 64 << 20


def pack(header: Mapping[str, Any], body: bytes = b"") -> bytes:
    head = json.dumps(header, separators=(",", ":")).encode()
    return _SIZES.pack(len(head), len(body)) + head + body


def sizes(prefix: bytes) -> tuple[int, int]:
    """Return the lengths of header and body.  Raises `ValueError` for impossible ones."""
    header, body = _SIZES.unpack(prefix)
    if header > MOST_HEADER or body > MOST_BODY:
        raise ValueError(f"a frame of {header} and {body} bytes")
    return header, body


def unpack(header: bytes) -> dict[str, Any]:
    """Parse a header.  Raises `ValueError` for anything but a JSON object."""
    value = json.loads(header)
    if not isinstance(value, dict):
        raise ValueError("a header that is not an object")  # noqa: TRY004
    return value  # pyright: ignore[reportUnknownVariableType]
