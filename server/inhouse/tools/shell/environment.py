"""What a command may know: the variables it inherits, and whether it has a network."""

import os
import re
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from inhouse import processes

_NAMES = """
    PATH HOME USER LOGNAME SHELL LANG LANGUAGE TZ TMPDIR TEMP TMP
    XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME XDG_DATA_DIRS
    VIRTUAL_ENV CONDA_PREFIX PYENV_ROOT NVM_DIR NVM_BIN JAVA_HOME GOPATH GOROOT GOCACHE
    CARGO_HOME RUSTUP_HOME DOTNET_ROOT ANDROID_HOME PNPM_HOME BUN_INSTALL NIX_PATH
    NIX_PROFILES LD_LIBRARY_PATH DYLD_LIBRARY_PATH
    SYSTEMROOT SYSTEMDRIVE WINDIR COMSPEC PATHEXT USERPROFILE USERNAME HOMEDRIVE HOMEPATH
    APPDATA LOCALAPPDATA PROGRAMDATA PROGRAMFILES PROGRAMFILES(X86) PROGRAMW6432
    NUMBER_OF_PROCESSORS PROCESSOR_ARCHITECTURE OS
"""
_ALLOWED = frozenset(_NAMES.split())
_PROXIES = re.compile(r"^(https?|all|no)_proxy$", re.IGNORECASE)

# No pager waits for a key, and nothing asks for a password.
_SET = {
    "TERM": "dumb",
    "PAGER": "cat",
    "GIT_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
}

_PROBE_SECONDS = 5.0
# Some services in /run talk to the network for whoever asks them.
_INSIDE = 'mount -t tmpfs tmpfs /run 2>/dev/null; ip link set lo up 2>/dev/null; exec "$@"'
_NO_NETWORK_MACOS = "(version 1)(allow default)(deny network*)"


def inherited(environment: Mapping[str, str], *, offline: bool) -> dict[str, str]:
    """Give the variables that a command gets: known ones that never hold a key."""
    kept = {
        name: value
        for name, value in environment.items()
        if name.upper() in _ALLOWED or name.startswith("LC_")
    }
    if not offline:
        proxies = {
            name: value
            for name, value in environment.items()
            if _PROXIES.match(name) and "@" not in value
        }
        kept.update(proxies)
    return {**kept, **_SET}


def shell(command: str) -> list[str]:
    """Give the program that runs *command*: bash where there is one."""
    if os.name != "nt":
        return [processes.find_program("bash") or "/bin/sh", "-c", command]
    bash = processes.find_program("bash")
    if bash and not re.search(r"system32|windowsapps", bash, re.IGNORECASE):
        return [bash, "-c", command]
    return [os.environ.get("COMSPEC", r"C:\Windows\System32\cmd.exe"), "/d", "/s", "/c", command]


async def network_cutter(root: Path) -> tuple[str, ...] | None:
    """Give what to put before a command so that it has no network; None: nothing here can."""
    for name, *options in _candidates(str(root).startswith("/run/")):
        program = processes.find_program(name, outside=(root,))
        if program is not None and await _works(prefix := (program, *options)):
            return prefix
    return None


def _candidates(keep_run: bool) -> tuple[tuple[str, ...], ...]:  # noqa: FBT001  private
    if sys.platform == "darwin":
        return (("sandbox-exec", "-p", _NO_NETWORK_MACOS),)
    if sys.platform != "linux":
        return ()
    inside = _INSIDE.partition("; ")[2] if keep_run else _INSIDE
    hidden = () if keep_run else ("--tmpfs", "/run")
    return (
        ("bwrap", "--dev-bind", "/", "/", *hidden, "--unshare-net", "--die-with-parent", "--"),
        ("unshare", "-rnm", "--", "/bin/sh", "-c", inside, "sh"),
        ("unshare", "-rn", "--"),
    )


async def _works(prefix: tuple[str, ...]) -> bool:
    if prefix not in _probed():
        _probed()[prefix] = await _probe(prefix)
    return _probed()[prefix]


@cache
def _probed() -> dict[tuple[str, ...], bool]:
    return {}


async def _probe(prefix: tuple[str, ...]) -> bool:
    """Try it for real: many systems have the program but forbid the namespace."""
    try:
        done = await processes.run((*prefix, "/bin/sh", "-c", "exit 0"), seconds=_PROBE_SECONDS)
    except (OSError, TimeoutError):
        return False
    return done.code == 0
