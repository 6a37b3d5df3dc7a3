"""Runs one command and leaves no process of it behind (Linux).

A separate program, started by path and without site packages, so that it starts fast: ``launcher.py
PARENT REPORT SPEC COMMAND…``.  It adopts what the command's processes orphan, whatever session they
moved to, and kills all of them when the command has ended, when it is told to stop (SIGTERM) and
when the process that started it goes away.

SPEC is JSON, or empty: how the command is shut off (`isolation`).  REPORT is the number of an open
file that takes one line of JSON: ``{"left": [words…]}``, the processes that the command left
running, or ``{"failed": why}`` if it could not be isolated and so was not run.
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
_GRACE = 0.05
_MOST_NAMED, _MOST_WORDS = 10, 200


class _Stopped(Exception):  # noqa: N818  not an error: a request
    """The command should end."""


def main(parent: int, report: int, spec: str, command: list[str]) -> int:
    """Run *command*; return its exit status as a shell does."""
    os.set_inheritable(report, False)  # noqa: FBT003  its only way
    signal.signal(signal.SIGTERM, _stop)
    library = ctypes.CDLL(None, use_errno=True)
    library.prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    library.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM, 0, 0, 0)
    status = _SIGNALLED + signal.SIGTERM
    try:
        if os.getppid() == parent:
            status = _wait(_start(command, spec, report))
            _tell_what_is_left(report)
    except _Stopped:
        pass
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _sweep()
    return status


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise _Stopped


def _start(command: list[str], spec: str, report: int) -> int:
    child = os.fork()
    if child:
        return child
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.setsid()
        if spec:
            _shut_off(spec, report)
        os.execvp(command[0], command)  # noqa: S606  a command is what this is for
    except BaseException as error:  # noqa: BLE001  a child that must not go on
        os.write(2, f"{command[0]}: {error}\n".encode())
    os._exit(127)


def _shut_off(spec: str, report: int) -> None:
    import json  # noqa: PLC0415  most commands do not need it

    folder = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  as below
    sys.path.insert(0, folder)
    import isolation  # noqa: PLC0415  # pyright: ignore[reportMissingImports]

    sys.path.remove(folder)
    try:
        isolation.shut_off(  # pyright: ignore[reportUnknownMemberType]
            json.loads(spec),
            os.getcwd(),  # noqa: PTH109  pathlib takes longer to load
        )
    except OSError as error:
        os.write(report, json.dumps({"failed": str(error)}).encode() + b"\n")
        os._exit(125)


def _tell_what_is_left(report: int) -> None:
    """Report which processes still run a moment after the command's end."""
    if not _descendants(os.getpid()):
        return
    time.sleep(_GRACE)
    words = [words for pid in _descendants(os.getpid()) if (words := _words_of(pid))]
    if words:
        import json  # noqa: PLC0415  seldom

        os.write(report, json.dumps({"left": words[:_MOST_NAMED]}).encode() + b"\n")


def _words_of(pid: int) -> str:
    """Return the command line of a process; nothing if it has ended."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123  as below
            return file.read(_MOST_WORDS).replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def _wait(child: int) -> int:
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else _SIGNALLED - code


def _sweep() -> None:
    """Kill every descendant until none is left, since new ones may still appear."""
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
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:]))
