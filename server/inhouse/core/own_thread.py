"""Work that may wait for a person, in a thread that never keeps the program from ending."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

_Answer = TypeVar("_Answer")


def in_own_thread(work: Callable[[], _Answer], name: str) -> Future[_Answer]:
    """Start *work* in a daemon thread; the future has what it returns or raises.

    A pool's thread would be waited for at the end of the program.  The future cannot be cancelled.
    """
    future: Future[_Answer] = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001  raised to whoever waits for the future
            future.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future
