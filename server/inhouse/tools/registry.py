"""Every tool that works on the workspace."""

from inhouse.core.ports import Tool

from . import editor_state, read_url, skill, unavailable
from .agent import ask_user
from .context import ToolContext
from .edit import tools as edit_tools
from .files import read_files
from .search import code_search, find_files
from .shell import run_command


def workspace_tools(context: ToolContext) -> tuple[Tool, ...]:
    """Return every tool that works on the workspace, bound to *context*."""
    modules = (
        ask_user,
        editor_state,
        unavailable,
        read_files,
        find_files,
        code_search,
        run_command,
        skill,
        read_url,
        edit_tools,
    )
    return tuple(tool for module in modules for tool in module.tools(context))
