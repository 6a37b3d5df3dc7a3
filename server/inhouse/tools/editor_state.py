"""What only an editor knows: problems, open files, the selection."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inhouse.core.errors import ToolError

from .context import ToolContext
from .tool_set import RunTool

_MOST_DIAGNOSTICS = 200


async def _diagnostics(context: ToolContext, _: str, arguments: Mapping[str, Any]) -> Any:
    raw = arguments.get("path")
    path = (await context.access.find(raw)).path if raw else None
    found = await context.workspace.diagnostics(path)
    if found is None:
        return {
            "diagnostics": [],
            "message": "Nothing here can tell what other checkers report.  "
            "run_terminal_command can run the project's own, where it is offered.",
        }
    allowed = [told for each in found if (told := _told(context, each)) is not None]
    message = f"{len(allowed)} problem{'' if len(allowed) == 1 else 's'} reported."
    if len(allowed) > _MOST_DIAGNOSTICS:
        message += f"  The first {_MOST_DIAGNOSTICS} are given."
    return {"diagnostics": allowed[:_MOST_DIAGNOSTICS], "message": message}


async def _open_files(context: ToolContext, _: str, __: Mapping[str, Any]) -> Any:
    paths = [_shown(context, path) for path in context.workspace.open_files()]
    return {"files": [path for path in paths if path is not None]}


def _told(context: ToolContext, diagnostic: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Name the file from the root; None if no tool may read it, since a message may quote it."""
    named = diagnostic.get("path")
    if not isinstance(named, str):
        return diagnostic
    shown = _shown(context, Path(named))
    return None if shown is None else {**diagnostic, "path": shown}


async def _selection(context: ToolContext, _: str, __: Mapping[str, Any]) -> Any:
    selected = context.workspace.selection()
    if not selected:
        return {"message": "Nothing is selected; the run was not started from an editor's text."}
    shown = _shown(context, Path(str(selected.get("path", ""))))
    if shown is None:
        return {"message": "The selection is in a file that no tool may read."}
    return {**selected, "path": shown}


def _shown(context: ToolContext, path: Path) -> str | None:
    try:
        return context.access.place(str(path)).shown
    except ToolError:
        return None


TOOLS: Mapping[str, RunTool] = {
    "diagnostics": _diagnostics,
    "open_files": _open_files,
    "selection": _selection,
}
