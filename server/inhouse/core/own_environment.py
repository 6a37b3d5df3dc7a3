"""The environment this process was started with, kept where no other process can read it.

A variable stays readable for every process of the same user (``/proc/PID/environ``) as long as the
process lives, and to root in any case.  After `guard`, the keys are in this module's memory alone,
and other processes of the same user cannot inspect this one.
"""

import contextlib
import ctypes
import os
import re
import sys
from collections.abc import Iterable, Mapping
from types import MappingProxyType

_PR_SET_DUMPABLE = 4
_ENV_START = 47
"""Index of ``env_start`` in ``/proc/PID/stat`` after the program's name (proc(5), field 50)."""

_NAMED = re.compile(
    r"KEY|TOKEN|SECRET|PASS|CREDENTIAL|AUTH|COOKIE|PRIVATE|SIGNATURE|DSN|BEARER"
    r"|CONN(ECTION)?_?STR|(^|_)(PW|PWD|PAT|PIN|SAS)($|_)",
    re.IGNORECASE,
)
_WRITTEN = re.compile(
    r"://[^/\s@]*:[^/\s@]+@|-----BEGIN|^(sk|pk|rk|xox[a-z]|hf|gsk|glpat|npm|pypi|dckr_pat)[-_]"
    r"|^gh[a-z]_|^github_pat_|^A[KS]IA[0-9A-Z]{12}|^AIza|^eyJ[\w-]{10,}\."
)
_HARMLESS = frozenset(
    {
        *("PWD", "OLDPWD", "XAUTHORITY", "PASSWORD_STORE_DIR", "SSH_AUTH_SOCK"),
        *("SSH_ASKPASS", "GIT_ASKPASS", "SUDO_ASKPASS"),
        *("DBUS_SESSION_BUS_ADDRESS", "GNOME_KEYRING_CONTROL", "PYTHON_KEYRING_BACKEND"),
    }
)

_taken: dict[str, str] | None = None


def environment() -> Mapping[str, str]:
    """Return all variables this process was started with, including keys."""
    return os.environ if _taken is None else MappingProxyType(_taken)


def guard() -> None:
    """Hide the keys of this process's environment from every other process, for good.

    Call it first of all, before there are threads.  If the system has no means for it, nothing
    changes: a process of the same user can then read the environment, as it can for any program.
    """
    global _taken  # noqa: PLW0603  a process has one environment
    if _taken is not None:
        return
    _taken = dict(os.environ)
    forget(name for name, value in _taken.items() if looks_secret(name, value))
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def forget(names: Iterable[str]) -> None:
    """Remove variables from what this process hands down and what others could read.

    `environment` still has them.  Nothing happens before `guard`.
    """
    if _taken is None:
        return
    gone = [name for name in names if os.environ.pop(name, None) is not None]
    if gone and sys.platform == "linux":
        with contextlib.suppress(OSError, ValueError, IndexError):
            _overwrite(frozenset(map(os.fsencode, gone)))


def looks_secret(name: str, value: str) -> bool:
    """Return whether a variable may hold a key, by its name or by how its value is written."""
    if name in _HARMLESS:
        return False
    return bool(_NAMED.search(name) or _WRITTEN.search(value))


def _overwrite(names: frozenset[bytes]) -> None:
    """Overwrite the values where the kernel put them; nothing refers to them any more."""
    with open("/proc/self/stat", "rb") as file:  # noqa: PTH123  loaded before anything else
        position = int(file.read().rpartition(b")")[2].split()[_ENV_START])
    with open("/proc/self/environ", "rb") as file:  # noqa: PTH123  as above
        block = file.read()
    for entry in block.split(b"\0"):
        name, equals, value = entry.partition(b"=")
        if equals and name in names:
            ctypes.memset(position + len(name) + 1, 0, len(value))
        position += len(entry) + 1
