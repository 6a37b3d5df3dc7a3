"""Decodes error bodies that are compressed although nobody asked for it, up to a limit."""

import zlib
from collections.abc import AsyncIterable, AsyncIterator

import httpx2

AT_ONCE = 16 * 1024
"""Bytes that are unpacked at once, so that an endless body is abandoned early."""
ENCODINGS = frozenset({"gzip", "x-gzip", "deflate"})


class DecodedBody(httpx2.AsyncByteStream):
    """The decoded bytes of a compressed body, at most *limit* of them."""

    def __init__(self, stream: AsyncIterable[bytes], *, limit: int) -> None:
        self._stream = stream
        self._left = limit
        self._unpacking = zlib.decompressobj(wbits=47)  # gzip or zlib, by the first bytes
        self._begun = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            waiting = part
            while waiting:
                data, waiting = self._unpacked(waiting)
                data = data[: self._left]
                self._left -= len(data)
                if data:
                    yield data
                if self._left <= 0:
                    return

    async def aclose(self) -> None:
        close = getattr(self._stream, "aclose", None)
        if close is not None:
            await close()

    def _unpacked(self, waiting: bytes) -> tuple[bytes, bytes]:
        """Return some of the text, and the bytes that remain."""
        try:
            data = self._unpacking.decompress(waiting, AT_ONCE)
        except zlib.error as error:
            if self._begun:
                raise httpx2.RemoteProtocolError(f"compressed data is broken: {error}") from error
            self._unpacking = zlib.decompressobj(wbits=-15)  # "deflate", as some servers read it
            self._begun = True
            return self._unpacked(waiting)
        self._begun = True
        if self._unpacking.eof and (rest := self._unpacking.unused_data):
            self._unpacking = zlib.decompressobj(wbits=47)
            return data, rest
        return data, self._unpacking.unconsumed_tail
