"""Run one command and leave nothing of it behind (Linux).

A program of its own, started by path and without site packages, so that it starts fast:
``launcher.py PARENT COMMAND…``.  It adopts what the command's processes orphan, whatever
session they moved to, and kills all of them when the command has ended, when it is told to
stop (SIGTERM) and when the process that started it goes away.
"""

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterable
from types import FrameType

_SET_PARENT_DEATH_SIGNAL = 1
_SET_CHILD_SUBREAPER = 36
_PATIENCE = 5.0
_SIGNALLED = 128


class _Stopped(Exception):  # noqa: N818  no error: a request
    """Somebody wants the command to end."""


def main(parent: int, command: list[str]) -> int:
    """Run *command*; give its exit status, as a shell counts."""
    signal.signal(signal.SIGTERM, _stop)
    library = ctypes.CDLL(None, use_errno=True)
    library.prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    library.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM, 0, 0, 0)
    status = _SIGNALLED + signal.SIGTERM
    try:
        if os.getppid() == parent:
            status = _wait(_start(command))
    except _Stopped:
        pass
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _sweep()
    return status


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise _Stopped


def _start(command: list[str]) -> int:
    child = os.fork()
    if child:
        return child
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.setsid()
        os.execvp(command[0], command)  # noqa: S606  a command is what this is for
    except BaseException as error:  # noqa: BLE001  a child that must not go on
        os.write(2, f"{command[0]}: {error}\n".encode())
    os._exit(127)


def _wait(child: int) -> int:
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else _SIGNALLED - code


def _sweep() -> None:
    """Kill every descendant until there is none; new ones may appear meanwhile."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        for pid in _descendants(os.getpid()):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.002)


def _descendants(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for pid, parent in _processes():
        children.setdefault(parent, []).append(pid)
    found: list[int] = []
    waiting = [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _processes() -> Iterable[tuple[int, int]]:
    for name in os.listdir("/proc"):  # noqa: PTH208  pathlib takes longer to load
        if name.isdigit() and (parent := _parent_of(name)) is not None:
            yield int(name), parent


def _parent_of(pid: str) -> int | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123  as above
            # The name of the program, in brackets, may have anything in it.
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return None


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
