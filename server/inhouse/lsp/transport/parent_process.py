"""The process of the client: when it has gone, so must we."""

import asyncio
import signal
from collections.abc import Callable

ENDING = (signal.SIGTERM, signal.SIGINT)
_EVERY = 2.0


async def when_gone(process_id: int, callback: Callable[[], None]) -> None:
    """Call back when a process ends; not for one of another machine or container."""
    import psutil  # noqa: PLC0415  not needed to answer `initialize`

    if not await asyncio.to_thread(psutil.pid_exists, process_id):
        return
    while await asyncio.to_thread(psutil.pid_exists, process_id):  # noqa: ASYNC110  no signal
        await asyncio.sleep(_EVERY)
    callback()
