"""``read_files`` and ``list_directory``."""

import asyncio
from collections.abc import Mapping
from typing import Any

from attrs import define

from inhouse.core import hunks
from inhouse.core.errors import ToolError
from inhouse.core.messages import ToolParts
from inhouse.core.ports import Arguments
from inhouse.core.protected_files import is_example
from inhouse.tools.access.access_policy import Access
from inhouse.tools.access.paths import WorkspacePath, can_be_named
from inhouse.tools.access.safe_open import FolderEntry, list_folder
from inhouse.tools.context import ToolContext
from inhouse.tools.own_tool import RunTool

from .file_text import read_document, unreadable
from .nearest import nearest_note
from .overlay import WorkspaceOverlay, seen

CHARACTERS = 100_000
"""How many characters one call returns."""
WINDOW = 2_000
"""Lines of a window without a limit, if a definition has ``windowedFileReads``."""

# Codebuff's markers for a file without content; definitions compare them, so nothing is added.
_STATUS = {
    "no_file": "[FILE_DOES_NOT_EXIST]",
    "outside_workspace": "[FILE_OUTSIDE_PROJECT]",
    "refused_file": "[BLOCKED]",
    "too_large": "[FILE_TOO_LARGE]",
}


async def _read_files(context: ToolContext, _: str, arguments: Arguments) -> object:
    budget = _Budget(CHARACTERS)
    wanted = {_key(each): each for each in arguments["paths"]}
    return _told([await _read(context, each, budget) for each in wanted.values()])


async def _list_directory(context: ToolContext, _: str, arguments: Arguments) -> object:
    return await asyncio.to_thread(_list, await seen(context), arguments["path"])


TOOLS: Mapping[str, RunTool] = {"read_files": _read_files, "list_directory": _list_directory}


def _told(files: list[dict[str, Any]]) -> object:
    """Tell a model why there is no text; ``handleSteps`` gets Codebuff's members alone."""
    if not any("message" in each for each in files):
        return files
    plain = [{key: value for key, value in each.items() if key != "message"} for each in files]
    return ToolParts(files, ({"type": "json", "value": plain},))


@define
class _Budget:
    left: int


def _key(wanted: str | Mapping[str, Any]) -> tuple[Any, ...]:
    if isinstance(wanted, str):
        return (wanted, None, None)
    return (wanted["path"], wanted.get("offset"), wanted.get("limit"))


async def _read(
    context: ToolContext, wanted: str | Mapping[str, Any], budget: _Budget
) -> dict[str, Any]:
    raw, offset, limit = _key(wanted)
    shown = raw
    try:
        place = await context.access.find(raw)
        shown = place.shown
        text = (await read_document(context.workspace, place)).text
        if context.windowed_file_reads and limit is None:
            limit = WINDOW
        start, end, more = _window(text, int(offset or 1), limit, shown)
    except ToolError as error:
        status = _STATUS.get(error.code, "[FILE_READ_ERROR]")
        near = await nearest_note(context, shown) if error.code == "no_file" else ""
        return {"path": shown, "content": status, "message": f"{error}{near}"}
    if end > start and budget.left <= 0:
        return {"path": shown, "contentOmittedForLength": True}
    given = text[start : min(end, start + budget.left)]
    budget.left -= len(given)
    context.known.shown(place.path, text, start, start + len(given))
    if start + len(given) < end:
        more = _cut(given, text[start:end], shown, offset)
    label = "[TEMPLATE]\n" if is_example(place.relative) else ""
    return {"path": shown, "content": f"{label}{given}{more}"}


def _window(text: str, offset: int, limit: int | None, shown: str) -> tuple[int, int, str]:
    """Return the offsets of some lines of a text, and a note about the rest."""
    if offset == 1 and limit is None:
        return 0, len(text), ""
    lines = hunks.lines(text)
    if offset > max(len(lines), 1):
        raise ToolError(
            f"{shown!r} has {len(lines):,} lines; there is no line {offset:,}.", code="window"
        )
    last = len(lines) if limit is None else min(len(lines), offset - 1 + limit)
    start = sum(map(len, lines[: offset - 1]))
    end = start + sum(map(len, lines[offset - 1 : last]))
    if last == len(lines):
        return start, end, ""
    ending = "" if text[:end].endswith("\n") else "\n"
    return (
        start,
        end,
        f"{ending}[Lines {offset}-{last} of {len(lines):,}.  More: offset {last + 1}.]",
    )


def _cut(given: str, text: str, shown: str, offset: int | None) -> str:
    line = (offset or 1) + given.count("\n")
    return (
        f"\n\n[FILE_TOO_LARGE: {len(given):,} of {len(text):,} characters of {shown!r}: "
        f"a call gives at most {CHARACTERS:,}.  "
        f"Go on with {{'path': {shown!r}, 'offset': {line}}}, or use code_search.]"
    )


def _list(files: WorkspaceOverlay, raw: str) -> dict[str, Any]:
    try:
        place = files.access.place(raw if raw.strip() else ".")
        kinds = _kinds(files, place)
    except FileNotFoundError:
        return {"errorMessage": f"There is no folder {raw!r}.  Start with '.'."}
    except NotADirectoryError:
        return {"errorMessage": f"{raw!r} is a file, not a folder.  Use read_files."}
    except OSError as error:
        return {"errorMessage": unreadable(raw, error)}
    except ToolError as error:
        return {"errorMessage": str(error)}
    return {
        "files": sorted(name for name, kind in kinds.items() if kind == "file"),
        "directories": sorted(name for name, kind in kinds.items() if kind == "folder"),
        "path": place.shown,
    }


def _kinds(files: WorkspaceOverlay, place: WorkspacePath) -> dict[str, str]:
    """Return a folder's entries, including unsaved new files and without deleted ones."""
    only_unsaved = files.is_folder(place) and not place.path.is_dir()
    entries = () if only_unsaved else list_folder(place.root, place.relative)
    kinds = {
        entry.name: _kind(files.access, place, entry)
        for entry in entries
        if can_be_named(entry.name)
    }
    start = len(place.relative) + 1 if place.relative else 0
    for path, text in files.below(place).items():
        name, slash, _ = path[start:].partition("/")
        if text is not None:
            kinds[name] = "folder" if slash else "file"
        elif not slash:
            kinds.pop(name, None)
    return kinds


def _kind(access: Access, folder: WorkspacePath, entry: FolderEntry) -> str:
    """Return an entry's kind; a link counts as its target if that is in the workspace."""
    if entry.kind != "link":
        return entry.kind
    try:
        target = access.inner(folder, entry.name).path
    except ToolError:
        return "other"
    return "folder" if target.is_dir() else "file" if target.is_file() else "other"
