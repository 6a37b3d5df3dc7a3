"""``inhouse mcp list`` and ``inhouse mcp check``: the MCP servers that definitions name."""

import argparse

from rich.markup import escape

from inhouse.core.unicode import visible
from inhouse.host.mcp_check import McpServerStatus, check_servers, named_servers

from . import COMPLETED, FAILED, output
from .open_host import open_host

_SHOWN = 100


async def mcp(options: argparse.Namespace) -> int:
    """List the servers, or start each and list its tools; return 1 if one is unavailable."""
    async with open_host(options) as host:
        if options.action == "list":
            found = named_servers(host.state)
        else:
            if host.world.trusting.undecided:
                await host.ask_for_trust()
            found = await check_servers(host.state)
        if options.json:
            output.document([server_json(each) for each in found])
        else:
            print_servers(found)
    return FAILED if any(each.problem for each in found) else COMPLETED


def print_servers(found: tuple[McpServerStatus, ...]) -> None:
    console = output.report()
    if not found:
        console.print(
            "No MCP server is set up: neither a usable agent here nor your settings have "
            "`mcpServers`.",
            markup=False,
        )
    for each in found:
        state = "[red]✗[/] " if each.problem else "" if each.tools is None else "[green]✓[/] "
        agents = ", ".join(each.agents) or "any agent that names it"
        name = escape(visible(each.name))
        console.print(f"{state}[bold]{name}[/] {escape(visible(each.what))} · for {escape(agents)}")
        console.print(f"  [dim]named by {escape(each.source)}[/]")
        if each.problem:
            console.print(f"  {escape(each.problem)}")
        for tool in each.tools or ():
            said = visible(tool.description).strip().partition("\n")[0][:_SHOWN]
            console.print(f"  {escape(visible(f'{each.name}/{tool.name}'))} [dim]{escape(said)}[/]")


def server_json(status: McpServerStatus) -> dict[str, object]:
    """Return a server as ``--json`` prints it."""
    tools = status.tools
    return {
        "name": status.name,
        "agents": list(status.agents),
        "server": status.what,
        "source": status.source,
        "tools": None if tools is None else [f"{status.name}/{tool.name}" for tool in tools],
        "problem": status.problem,
    }
