"""The process of the client: when it has gone, so must we."""

import asyncio
import os
import sys
from collections.abc import Callable

_EVERY = 2.0


async def when_gone(process_id: int, callback: Callable[[], None]) -> None:
    """Call back when a process ends; not for one of another machine or container."""
    if not exists(process_id):
        return
    while exists(process_id):  # noqa: ASYNC110  no signal
        await asyncio.sleep(_EVERY)
    callback()


def exists(process_id: int) -> bool:
    """Return whether there is such a process, whoever it belongs to."""
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
