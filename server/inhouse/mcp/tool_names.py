"""Names of tools: ``server/tool`` for people, ``server__tool`` for models."""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping

SEPARATOR = "/"
MODEL_SEPARATOR = "__"
MOST_LETTERS = 64
"""What the strictest model servers accept: 64 of ``[a-zA-Z0-9_-]``."""

_FORBIDDEN = re.compile(r"[^a-zA-Z0-9_-]+")
_DIGEST = 8


def split_name(name: str) -> tuple[str, str] | None:
    """Split ``server/tool``; None if it does not name a server's tool."""
    server, slash, tool = name.partition(SEPARATOR)
    return (server, tool) if slash and server and tool else None


def wanted_tools(names: Iterable[str], own: Collection[str]) -> Mapping[str, frozenset[str] | None]:
    """Return which tools of which server are wanted; None means all of them.

    These are all tools of the definition's *own* servers, unless its names choose some, and only
    the named tools of other servers.
    """
    chosen: dict[str, set[str]] = {}
    for name in names:
        if (parts := split_name(name)) is not None:
            chosen.setdefault(parts[0], set()).add(parts[1])
    wanted: dict[str, frozenset[str] | None] = dict.fromkeys(own)
    for server, tools in chosen.items():
        wanted[server] = None if "*" in tools else frozenset(tools)
    return wanted


def model_names(
    tools: Iterable[tuple[str, str]], taken: Collection[str] = ()
) -> dict[tuple[str, str], str]:
    """Give each server's tools unique names that every model's server accepts."""
    given: dict[tuple[str, str], str] = {}
    used = set(taken)
    for server, tool in tools:
        name = _FORBIDDEN.sub("_", f"{server}{MODEL_SEPARATOR}{tool}")
        if len(name) > MOST_LETTERS or name in used:
            digest = hashlib.sha256(f"{server}/{tool}".encode()).hexdigest()[:_DIGEST]
            name = f"{name[: MOST_LETTERS - _DIGEST - 1]}_{digest}"
        used.add(name)
        given[server, tool] = name
    return given
