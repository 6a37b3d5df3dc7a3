"""The files that are open in the editor."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from inhouse.tools.own_tool import OwnTool

if TYPE_CHECKING:
    from inhouse.tools.context import ToolContext


async def _open_files(context: "ToolContext", _: str, __: Mapping[str, Any]) -> object:
    paths = [context.access.shown(path) for path in context.workspace.open_files()]
    return {"files": [path for path in paths if path is not None]}


TOOL = OwnTool(
    "open_files",
    "List the files that the user has open in the editor.",
    {"type": "object", "properties": {}},
    _open_files,
)
