"""The environment variables that a command inherits."""

import os
import re
from collections.abc import Collection, Mapping

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


def inherited(
    environment: Mapping[str, str], *, offline: bool, allowed: Collection[str] = ()
) -> dict[str, str]:
    """Return the variables that a command gets: known ones that never hold a key.

    *allowed* are further names that the user passes on.
    """
    kept = {
        name: value
        for name, value in environment.items()
        if name.upper() in _ALLOWED or name.startswith("LC_") or name in allowed
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
    """Return the program that runs *command*: bash if there is one."""
    if os.name != "nt":
        return [processes.find_program("bash") or "/bin/sh", "-c", command]
    bash = processes.find_program("bash")
    if bash and not re.search(r"system32|windowsapps", bash, re.IGNORECASE):
        return [bash, "-c", command]
    return [os.environ.get("COMSPEC", r"C:\Windows\System32\cmd.exe"), "/d", "/s", "/c", command]
