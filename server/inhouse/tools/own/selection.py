"""What is selected in the editor."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inhouse.tools.own_tool import OwnTool

if TYPE_CHECKING:
    from inhouse.tools.context import ToolContext


async def _selection(context: "ToolContext", _: str, __: Mapping[str, Any]) -> object:
    selected = context.workspace.selection()
    if not selected:
        return {"message": "Nothing is selected; the run was not started from an editor's text."}
    shown = context.access.shown(Path(str(selected.get("path", ""))))
    if shown is None:
        return {"message": "The selection is in a file that no tool may read."}
    return {**selected, "path": shown}


TOOL = OwnTool(
    "selection",
    "Tell what the user has selected in the editor: file, range and text.",
    {"type": "object", "properties": {}},
    _selection,
)
