"""Every tool that works on the workspace."""

from inhouse.core.ports import Tool

from .context import ToolContext


def workspace_tools(context: ToolContext) -> tuple[Tool, ...]:
    """Give every tool that works on the workspace, bound to *context*."""
    rooms = (asking, editor, elsewhere, files, finding, search, shell, skilled, web, writing)
    return tuple(tool for room in rooms for tool in room.tools(context))
