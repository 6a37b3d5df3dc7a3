"""What start-up has freed goes back to the system: an editor's server waits most of its life."""

import asyncio
import ctypes
import gc
import sys

_SETTLED = 1.0
"""Seconds after which nothing of the start is under way any more."""


async def give_back() -> None:
    """Return freed memory, some 10 MB after the imports, where the C library can (glibc).

    What start-up made stays for good: the garbage collector need not look at it again, which
    holds up a stream for 0.1 s.
    """
    await asyncio.sleep(_SETTLED)
    gc.collect()
    gc.freeze()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim is not None:
            await asyncio.to_thread(trim, 0)
