"""Tools an agent may be given."""

from inhouse.core.ports import Tool

from . import asking, editor, elsewhere, files, finding, search, shell, skilled, web, writing
from .context import Approvals, Fetch, Fetched, RunMemory, ToolContext
from .placeholders import placeholders

__all__ = [
    "Approvals",
    "Fetch",
    "Fetched",
    "RunMemory",
    "ToolContext",
    "placeholders",
    "workspace_tools",
]


def workspace_tools(context: ToolContext) -> tuple[Tool, ...]:
    """Give every tool that works on the workspace, bound to *context*."""
    rooms = (asking, editor, elsewhere, files, finding, search, shell, skilled, web, writing)
    return tuple(tool for room in rooms for tool in room.tools(context))
