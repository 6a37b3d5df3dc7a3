"""Returns the memory that start-up freed to the system, since a server is idle most of the time."""

import asyncio
import ctypes
import gc
import sys

_SETTLED = 1.0
"""Seconds after which start-up is over."""


async def give_back() -> None:
    """Return freed memory, some 10 MB after the imports, if the C library can (glibc).

    Objects from start-up stay for good, so the garbage collector is told to skip them: scanning
    them would hold up a stream for 0.1 s.
    """
    await asyncio.sleep(_SETTLED)
    gc.collect()
    gc.freeze()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has no malloc_trim
        if trim is not None:
            await asyncio.to_thread(trim, 0)
