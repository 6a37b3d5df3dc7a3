"""Finds the path that was probably meant by one that does not exist."""

import asyncio
import difflib

from inhouse.tools.context import ToolContext

from .overlay import WorkspaceOverlay, seen

ALIKE = 0.75
MOST_FILES = 20_000


async def nearest_note(context: ToolContext, path: str) -> str:
    """Name the file that is probably meant; empty if none is near."""
    found = await asyncio.to_thread(nearest, await seen(context), path)
    return f"  Did you mean {found!r}?" if found else ""


def nearest(files: WorkspaceOverlay, path: str) -> str | None:
    """Find a file of the same name elsewhere, else one with nearly the same path."""
    wanted = path.replace("\\", "/").removeprefix("./").strip("/")
    name = wanted.rpartition("/")[2].lower()
    paths = [place.prefix + one for place in files.access.tops() for one in files.files(place)]
    if not wanted or len(paths) > MOST_FILES:
        return None
    same = [one for one in paths if one.rpartition("/")[2].lower() == name]
    close = difflib.get_close_matches(wanted, same or paths, n=1, cutoff=0 if same else ALIKE)
    if close:
        return close[0]
    named = {one.rpartition("/")[2].lower(): one for one in paths}
    near = difflib.get_close_matches(name, list(named), n=1, cutoff=ALIKE)
    return named[near[0]] if near else None
