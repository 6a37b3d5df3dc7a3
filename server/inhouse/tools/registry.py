"""Every tool that works on the workspace."""

from collections.abc import Mapping
from functools import partial

from inhouse.core.ports import Tool

from . import read_url, skill, unavailable
from .agent import ask_user
from .context import ToolContext
from .edit import tools as edit_tools
from .files import read_files
from .own_tool import RunTool
from .search import code_search, find_files
from .shell import run_command
from .specs import ends_step, own_tools, spec
from .tool_set import MakeTool

_TOOLS: Mapping[str, RunTool] = {
    **ask_user.TOOLS,
    **read_files.TOOLS,
    **find_files.TOOLS,
    **code_search.TOOLS,
    **run_command.TOOLS,
    **read_url.TOOLS,
    **edit_tools.TOOLS,
    **{name: tool.run for name, tool in own_tools().items()},
}


def workspace_tools(context: ToolContext) -> dict[str, MakeTool]:
    """Give what makes each tool that works on the workspace, for *context*."""
    made: dict[str, MakeTool] = {name: partial(_tool, context, name) for name in _TOOLS}
    return {**unavailable.TOOLS, **made, "skill": partial(skill.tool, context)}


def _tool(context: ToolContext, name: str) -> Tool:
    own = spec(name)
    return Tool(own, partial(_TOOLS[name], context), ends_step(name), writes=own.exact)
