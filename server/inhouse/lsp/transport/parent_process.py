"""Watches the client's process, so that the server ends with it."""

import asyncio
import os
import sys
from collections.abc import Callable

_EVERY = 2.0


async def when_gone(process_id: int, callback: Callable[[], None]) -> None:
    """Call back when a process ends, unless it is on another machine or in another container."""
    if not exists(process_id):
        return
    while exists(process_id):  # noqa: ASYNC110  no signal
        await asyncio.sleep(_EVERY)
    callback()


def exists(process_id: int) -> bool:
    """Return whether the process exists, whoever owns it."""
    if process_id <= 0:
        return False
    if sys.platform == "win32":
        import psutil  # noqa: PLC0415  no other way there

        return psutil.pid_exists(process_id)
    try:
        os.kill(process_id, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True
