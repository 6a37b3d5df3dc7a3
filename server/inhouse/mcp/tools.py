"""Servers' tools as tools of a run."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

from attrs import frozen

from inhouse.core.errors import InhouseError, ToolError
from inhouse.core.events import Notice, ToolOutput
from inhouse.core.ports import Emit, Tool, ToolSpec
from inhouse.core.unicode import clean_text, visible

from .access import Open
from .config import Server
from .connection import MOST_TOOLS, Connection, ListedTool
from .results import parts_of, text_of
from .schemas import reduced
from .tool_names import model_names

Permit = Callable[[str, Server, ListedTool, Mapping[str, Any]], Awaitable[None]]
"""Returns if a server's tool may be called with these arguments; otherwise raises `ToolError`."""


@frozen
class Wanted:
    """A server that a run uses."""

    name: str
    """Its name in the definition; another definition may use another name."""
    connection: Connection
    tools: frozenset[str] | None
    """None for all of them."""


@frozen
class Toolbox:
    """The tools that a run got from its servers."""

    tools: tuple[Tool, ...]
    listed: Mapping[str, tuple[ListedTool, ...]]
    """All tools of each server."""


async def open_toolbox(
    wanted: Sequence[Wanted],
    *,
    open_server: Open,
    permit: Permit,
    emit: Emit,
    taken: Collection[str],
) -> Toolbox:
    """Start missing servers, all at once, and return the tools that are wanted.

    A server that is unavailable loses only its own tools, and is reported.
    """
    listings = await asyncio.gather(*(_ready(each, open_server, emit) for each in wanted))
    chosen = [
        (each, tool)
        for each, tools in zip(wanted, listings, strict=True)
        for tool in _chosen(each, tools, emit)
    ]
    names = model_names([(each.name, tool.name) for each, tool in chosen], taken)
    bound = [_tool(each, tool, names[each.name, tool.name], permit, emit) for each, tool in chosen]
    listed = {each.name: tools for each, tools in zip(wanted, listings, strict=True) if tools}
    return Toolbox(tuple(bound), listed)


async def _ready(wanted: Wanted, open_server: Open, emit: Emit) -> tuple[ListedTool, ...]:
    try:
        tools = await wanted.connection.ready(open_server)
    except InhouseError as error:
        message = f"{error}  Its tools are missing from this run."
        emit(Notice("warning", "mcp_server", message))
        return ()
    if wanted.connection.cut:
        message = (
            f"MCP server {wanted.name!r} has more than {MOST_TOOLS} tools: the first {MOST_TOOLS} "
            "are used.  Name those you want as `server/tool` in `toolNames`."
        )
        emit(Notice("warning", "mcp_tools", message))
    return tools


def _chosen(wanted: Wanted, tools: tuple[ListedTool, ...], emit: Emit) -> list[ListedTool]:
    if wanted.tools is None or not tools:
        return list(tools)
    server, known = wanted.name, {tool.name for tool in tools}
    for name in sorted(wanted.tools - known):
        there = ", ".join(visible(each) for each in sorted(known)[:20])
        message = f"MCP server {server!r} has no tool {name!r}.  It has: {there}"
        emit(Notice("warning", "mcp_tool", message))
    return [tool for tool in tools if tool.name in wanted.tools]


def _tool(wanted: Wanted, tool: ListedTool, name: str, permit: Permit, emit: Emit) -> Tool:
    server, connection = wanted.name, wanted.connection
    schema = reduced(tool.schema)

    told = {tool.fingerprint}

    async def run(call_id: str, arguments: Mapping[str, Any]) -> Any:
        current = await connection.current(tool)
        if current.fingerprint not in told:
            told.add(current.fingerprint)
            message = (
                f"MCP server {visible(server)!r} changed its tool {visible(tool.name)!r} during "
                "this run.  You are asked again before it is called."
            )
            emit(Notice("warning", "mcp_changed", message))
        await permit(server, connection.server, current, arguments)
        result = await connection.call(
            tool.name,
            arguments,
            progress=lambda text: emit(ToolOutput(call_id, text)),
            restarted=lambda text: emit(Notice("warning", "mcp_restarted", text)),
        )
        if result.get("isError"):
            raise ToolError(text_of(result) or f"{server}/{tool.name} failed.", code="mcp_tool")
        return parts_of(result)

    described = clean_text(tool.description).strip() or f"The tool {tool.name} of {server}."
    spec = ToolSpec(name, described, schema)
    also = (f"{server}/{tool.name}", f"{server}__{tool.name}")
    return Tool(spec, run, writes=True, also=also, is_foreign=True)
