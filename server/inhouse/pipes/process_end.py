"""How a process that serves a client on pipes ends: on a signal, or at the latest after a while."""

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable

from .standard_streams import ENDING

LAST_WORDS_S = 2.0
"""Seconds that a client has to read the last output."""
_AT_LATEST_S = 20.0


def on_ending_signal(callback: Callable[[], None]) -> None:
    """Call back in the running loop when the system asks this process to end."""
    loop = asyncio.get_running_loop()
    for number in ENDING:
        with contextlib.suppress(NotImplementedError, RuntimeError):  # Not on every system.
            loop.add_signal_handler(number, callback)


def leave_at_last(status: int) -> None:
    """Exit with *status* after 20 seconds, whatever hangs in a thread or a clean-up."""
    timer = threading.Timer(_AT_LATEST_S, os._exit, (status,))
    timer.daemon = True
    timer.start()
