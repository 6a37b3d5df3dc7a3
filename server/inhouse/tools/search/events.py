"""What ripgrep prints, line by line, however long a line is."""

import asyncio
import base64
import binascii
import json
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

LARGEST_LINE = 4 * 1024 * 1024
"""How many bytes of one printed line are kept."""

_CHUNK = 256 * 1024
_HEAD = 64 * 1024
_PATH = re.compile(rb'"path":(\{"(?:text|bytes)":"(?:[^"\\]|\\.)*"\})')
_NUMBER = re.compile(rb'"line_number":(\d+)')
_MATCH = re.compile(rb'"submatches":\[\{"match":(\{"(?:text|bytes)":"(?:[^"\\]|\\.)*"\})')


async def events(stream: asyncio.StreamReader) -> AsyncIterator[dict[str, Any]]:
    """Yield each event; for one that is too long, only what matched and where."""
    async for line, size in _lines(stream):
        try:
            event = json.loads(line) if size <= LARGEST_LINE else _shortened(line, size)
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event  # pyright: ignore[reportUnknownVariableType]  foreign JSON


def text_of(value: Mapping[str, Any]) -> str:
    """Return a text as ripgrep prints it; bytes that are not UTF-8 are read as Latin-1."""
    raw = bytes_of(value)
    return str(value.get("text") or "") if raw is None else raw.decode("cp1252", "replace")


def bytes_of(value: Mapping[str, Any]) -> bytes | None:
    """Return the bytes of a text that is not UTF-8; None if it is."""
    if "bytes" not in value:
        return None
    try:
        return base64.b64decode(str(value["bytes"]))
    except binascii.Error:
        return b""


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[tuple[bytes, int]]:
    """Yield each line and its size; for one that is too long, its beginning and end."""
    kept = bytearray()
    size = 0
    while chunk := await stream.read(_CHUNK):
        *ended, rest = chunk.split(b"\n")
        for part in ended:
            kept += part
            yield bytes(kept), size + len(part)
            kept.clear()
            size = 0
        kept += rest
        size += len(rest)
        if len(kept) > LARGEST_LINE:
            del kept[_HEAD : -LARGEST_LINE // 2]
    if kept:
        yield bytes(kept), size


def _shortened(line: bytes, size: int) -> dict[str, Any] | None:
    """Make an event from what is left of a long one, whose text has no bare quotation mark."""
    path, numbers, match = _PATH.search(line), _NUMBER.findall(line), _MATCH.search(line)
    if path is None or not line.startswith(b'{"type":"match"'):
        return None
    found = text_of(json.loads(match[1])) if match else "a match"
    return {
        "type": "match",
        "data": {
            "path": json.loads(path[1]),
            "lines": {"text": f"…{found}… [in a line of more than {size // 2**20} MB]"},
            "line_number": int(numbers[-1]) if numbers else 0,
            "submatches": [],
        },
    }
