"""What a worker gives up before it runs any foreign code.

Runs in the worker.  WebAssembly is the first barrier, this is the second: code that escaped would
be in a process that can open nothing, start nothing and write nothing.
"""

import contextlib
import ctypes
import os
import signal
import sys
from typing import BinaryIO

_SET_DEATH_SIGNAL = 1
_SET_DUMPABLE = 4
_SET_NO_NEW_PRIVILEGES = 38
_MOST_DATA = 1 << 30
_SPARE_CPU_SECONDS = 60


def take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Reserve the two pipes to the owner; what the guest prints is discarded."""
    source = os.fdopen(os.dup(0), "rb", buffering=1 << 16)
    target = os.fdopen(os.dup(1), "wb", buffering=0)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    os.close(nothing)
    return source, target


def die_with_parent(parent: int) -> None:
    """Ask Linux for a signal; elsewhere the end of the pipe must suffice."""
    if not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.prctl(_SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
        libc.prctl(_SET_DUMPABLE, 0, 0, 0, 0)
        libc.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def lock() -> None:
    """Give up new files, sockets, processes, threads and core dumps for good.

    Everything needed must be open, loaded and started before this.
    """
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - not on Windows

    most = {"CORE": 0, "FSIZE": 0, "NPROC": 0, "DATA": _MOST_DATA, "NOFILE": 0}
    for name, value in most.items():
        number = getattr(resource, f"RLIMIT_{name}", None)
        if number is not None:
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(number, (value, value))


def allow_cpu(seconds: float) -> None:
    """Let the system kill this process if it uses much more CPU time than this from now on."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - not on Windows

    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime + seconds) + _SPARE_CPU_SECONDS
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


def most_memory() -> int:
    """Return the most bytes this process ever held; 0 if the system does not say.

    On Linux a child inherits its parent's peak (getrusage(2) keeps it over execve), so only what
    exceeds that is our own.
    """
    peak = _peak()
    return peak if peak > _INHERITED else 0


def _peak() -> int:
    if sys.platform == "win32":
        return 0
    import resource  # noqa: PLC0415 - not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


_INHERITED = _peak()
