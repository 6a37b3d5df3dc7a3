"""The environment that this process was started with, kept where no other process can read it.

A variable stays readable for every process of the same user (``/proc/PID/environ``) as long as
the process lives, and for root whatever else is done.  So a process that `guard` was called in
has its keys in this module's memory alone, and cannot be looked into by others of its user.
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
    """Give all variables that this process was started with, keys too."""
    return os.environ if _taken is None else MappingProxyType(_taken)


def guard() -> None:
    """Hide the keys of this process's environment from every other process, for good.

    Call it first of all, before there are threads.  What the system has no means for is left
    as it is: then a process of the same user could read the environment, as of any program.
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
    """Take variables out of what this process would hand down and others could read.

    `environment` still has them.  Nothing happens before `guard`.
    """
    if _taken is None:
        return
    gone = [name for name in names if os.environ.pop(name, None) is not None]
    if gone and sys.platform == "linux":
        with contextlib.suppress(OSError, ValueError, IndexError):
            _overwrite(frozenset(map(os.fsencode, gone)))


def looks_secret(name: str, value: str) -> bool:
    """Tell whether a variable may hold a key, by its name or by how its value is written."""
    if name in _HARMLESS:
        return False
    return bool(_NAMED.search(name) or _WRITTEN.search(value))


def _overwrite(names: frozenset[bytes]) -> None:
    """Blank the values where the kernel put them; nothing points to them any more."""
    with open("/proc/self/stat", "rb") as file:  # noqa: PTH123  loaded before anything else
        position = int(file.read().rpartition(b")")[2].split()[_ENV_START])
    with open("/proc/self/environ", "rb") as file:  # noqa: PTH123  as above
        block = file.read()
    for entry in block.split(b"\0"):
        name, equals, value = entry.partition(b"=")
        if equals and name in names:
            ctypes.memset(position + len(name) + 1, 0, len(value))
        position += len(entry) + 1
