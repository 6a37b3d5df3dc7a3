"""What language servers and checkers say is wrong, as the editor knows it."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inhouse.core.counts import count
from inhouse.core.ports import Arguments
from inhouse.tools.own_tool import OwnTool

if TYPE_CHECKING:
    from inhouse.tools.context import ToolContext

_MOST_DIAGNOSTICS = 200


async def _diagnostics(context: "ToolContext", _: str, arguments: Arguments) -> object:
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
    message = f"{count(len(allowed), 'problem')} reported."
    if len(allowed) > _MOST_DIAGNOSTICS:
        message += f"  The first {_MOST_DIAGNOSTICS} are given."
    return {"diagnostics": allowed[:_MOST_DIAGNOSTICS], "message": message}


def _told(context: "ToolContext", diagnostic: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Name the file from the root; None if no tool may read it, since a message may quote it."""
    named = diagnostic.get("path")
    if not isinstance(named, str):
        return diagnostic
    shown = context.access.shown(Path(named))
    return None if shown is None else {**diagnostic, "path": shown}


TOOL = OwnTool(
    "diagnostics",
    "Tell what the editor's language servers and checkers say is wrong.",
    {
        "type": "object",
        "properties": {
            "path": {
                "type": "string",
                "description": "One file, relative to the project; none: all files.",
            }
        },
    },
    _diagnostics,
)
