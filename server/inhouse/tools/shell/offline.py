"""How to run a command without a network on this machine, tested before it is promised."""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from attrs import evolve, frozen

from inhouse.processes import find_program

from . import processes

_RUN = "/run"
_FILTER_FD = 9
_MACOS = "(version 1)(allow default)(deny network*)"
# Variables through which a command could open a web page or control another program.
_MACOS_NO_HELPERS = f"{_MACOS}(deny appleevent-send)(deny lsopen)"


@frozen
class OfflineWay:
    """One way to run a command without a network."""

    promise: str
    """How a question describes it."""
    prefix: tuple[str, ...] = ()
    """The command's prefix."""
    spec: Mapping[str, object] | None = None
    """What the launcher does first (`isolation.shut_off`)."""


async def offline_way(roots: Iterable[Path], environment: Mapping[str, str]) -> OfflineWay | None:
    """Return the strongest way that works here; None if none does."""
    roots = tuple(roots)
    for named in candidates(may_hide_run=not _needs_run(roots, environment)):
        way = installed(named, outside=roots)
        if way is not None and await works(way):
            return way
    return None


def installed(way: OfflineWay, *, outside: Iterable[Path] = ()) -> OfflineWay | None:
    """Return a way with the absolute path of its program, which is outside every workspace."""
    if not way.prefix:
        return way
    program = find_program(way.prefix[0], outside=outside)
    return None if program is None else evolve(way, prefix=(program, *way.prefix[1:]))


def _needs_run(roots: Iterable[Path], environment: Mapping[str, str]) -> bool:
    """Return whether programs or the workspace are in /run, as on some systems."""
    found = (*map(str, roots), *environment.get("PATH", "").split(os.pathsep))
    return any(each == _RUN or each.startswith(f"{_RUN}/") for each in found)


def candidates(*, may_hide_run: bool) -> tuple[OfflineWay, ...]:
    """Return the ways that this kind of system may have, the strongest first."""
    if sys.platform == "darwin":
        told = "It will run without a network."
        profiles = (_MACOS_NO_HELPERS, _MACOS)
        return tuple(OfflineWay(told, ("sandbox-exec", "-p", each)) for each in profiles)
    if sys.platform != "linux":
        return ()
    told = "It will run without a network and without Unix sockets"
    hide = [_RUN] if may_hide_run else []
    namespaces = {"way": "namespaces", "offline": True, "hide": hide}
    return (
        OfflineWay(f"{told}.", spec=namespaces),
        OfflineWay(f"{told}.", _bwrap(hide), {"way": "bwrap", "fd": _FILTER_FD}),
        OfflineWay(
            "It will run without any sockets, not even between its own programs.",
            spec={"way": "filter"},
        ),
    )


def _bwrap(hide: Iterable[str]) -> tuple[str, ...]:
    hidden = [word for folder in hide for word in ("--tmpfs", folder)]
    return (
        *("bwrap", "--dev-bind", "/", "/", *hidden, "--unshare-net", "--unshare-ipc"),
        *("--cap-drop", "ALL", "--die-with-parent", "--seccomp", str(_FILTER_FD), "--"),
    )


async def works(way: OfflineWay) -> bool:
    """Return whether a way works here; tried once per process."""
    key = json.dumps([way.prefix, way.spec])
    if key not in _probed():
        _probed()[key] = await processes.can_run(way.prefix, cwd=Path("/"), spec=way.spec)
    return _probed()[key]


@cache
def _probed() -> dict[str, bool]:
    return {}
