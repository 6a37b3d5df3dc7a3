"""What only an editor knows: problems, open files, the selection."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inhouse.core.errors import ToolError
from inhouse.core.ports import Tool

from .context import ToolContext
from .specs import ends_step, spec

_MOST_DIAGNOSTICS = 200


def tools(context: ToolContext) -> tuple[Tool, ...]:
    """Return the tools of this room."""

    async def diagnostics(_: str, arguments: Mapping[str, Any]) -> Any:
        return await _diagnostics(context, arguments.get("path"))

    async def open_files(_: str, __: Mapping[str, Any]) -> Any:
        paths = [_shown(context, path) for path in context.workspace.open_files()]
        return {"files": [path for path in paths if path is not None]}

    async def selection(_: str, __: Mapping[str, Any]) -> Any:
        return _selection(context)

    return (
        Tool(spec("diagnostics"), diagnostics, ends_step("diagnostics")),
        Tool(spec("open_files"), open_files, ends_step("open_files")),
        Tool(spec("selection"), selection, ends_step("selection")),
    )


async def _diagnostics(context: ToolContext, raw: str | None) -> dict[str, Any]:
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


def _told(context: ToolContext, diagnostic: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Name the file from the root; None if no tool may read it, since a message may quote it."""
    named = diagnostic.get("path")
    if not isinstance(named, str):
        return diagnostic
    shown = _shown(context, Path(named))
    return None if shown is None else {**diagnostic, "path": shown}


def _selection(context: ToolContext) -> dict[str, Any]:
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
