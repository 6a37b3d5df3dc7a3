"""Tools an agent may be given."""

from inhouse.core.ports import Tool

from . import files, search, shell, writing
from .context import Approvals, Fetch, Fetched, RunMemory, ToolContext

__all__ = ["Approvals", "Fetch", "Fetched", "RunMemory", "ToolContext", "workspace_tools"]


def workspace_tools(context: ToolContext) -> tuple[Tool, ...]:
    """Give every tool that works on the workspace, bound to *context*."""
    rooms = (files, search, shell, writing)
    return tuple(tool for room in rooms for tool in room.tools(context))
