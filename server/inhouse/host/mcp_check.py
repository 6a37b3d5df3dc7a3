"""The MCP servers that definitions name, and whether each works."""

import asyncio
from collections.abc import Mapping

from attrs import evolve, frozen

from inhouse.core.errors import InhouseError, UserError
from inhouse.core.events import EventPayload
from inhouse.core.request import RunRequest
from inhouse.mcp.config import Server
from inhouse.mcp.connection import ListedTool
from inhouse.tools.context import ToolContext

from .host_state import HostState, WorkspaceRequest
from .mcp_servers import REFUSED, ServerAccess, remember, server_of_settings, servers_of
from .network import policy_of
from .services import WorkspaceApprovals


@frozen
class McpServerStatus:
    """What is known of one server, which several agents may use."""

    name: str
    agents: tuple[str, ...]
    what: str
    """The command line, or the URL."""
    source: str
    tools: tuple[ListedTool, ...] | None = None
    """None if it was not started or cannot be."""
    problem: str | None = None
    is_refused: bool = False
    """Whether the problem is that it was not allowed to start, so that nothing is known."""


def named_servers(host: HostState) -> tuple[McpServerStatus, ...]:
    """Return the servers of usable definitions and of the settings.  Starts nothing."""
    return tuple(status for status, _ in _named(host, filled=False).values())


async def check_servers(host: HostState) -> tuple[McpServerStatus, ...]:
    """Start each server, or connect to it, and list its tools.  May ask the user."""
    access = _access(host)
    checked: list[McpServerStatus] = []
    named = await asyncio.to_thread(_named, host, filled=True)
    for status, server in named.values():
        tools, problem, refused = None, status.problem, status.is_refused
        if server is not None:
            connection = host.services.mcp.connection(server, surroundings=access.surroundings)
            try:
                tools = await connection.ready(access.open)
            except InhouseError as error:
                problem, refused = str(error), error.code == REFUSED
            else:
                await asyncio.to_thread(remember, host, status.name, connection)
        checked.append(evolve(status, tools=tools, problem=problem, is_refused=refused))
    return tuple(checked)


def _named(host: HostState, *, filled: bool) -> Mapping[str, tuple[McpServerStatus, Server | None]]:
    found: dict[str, tuple[McpServerStatus, Server | None]] = {}
    for agent in host.world.catalog.all:
        trusted = not agent.from_workspace or host.world.trusting.trusted
        if agent.definition is None or agent.shadowed_by is not None or not trusted:
            continue
        servers, problems = servers_of(host, agent, filled=filled)
        for name, server in servers.items():
            before = found.get(server.identity)
            agents = (*(before[0].agents if before else ()), agent.id)
            found[server.identity] = _status(name, agents, server), server
        for problem in problems:
            told, off = str(problem), problem.code == REFUSED
            status = McpServerStatus(
                "", (agent.id,), "", str(agent.source), problem=told, is_refused=off
            )
            found[told] = status, None
    for name, written in host.world.settings.mcp_servers.items():
        try:
            server = server_of_settings(host, written, filled=filled)
        except UserError as error:
            off = error.code == REFUSED
            status = McpServerStatus(
                name, (), "", written.source, problem=str(error), is_refused=off
            )
            found.setdefault(str(error), (status, None))
        else:
            found.setdefault(server.identity, (_status(name, (), server), server))
    return found


def _status(name: str, agents: tuple[str, ...], server: Server) -> McpServerStatus:
    return McpServerStatus(name, agents, server.what, server.source)


def _access(host: HostState) -> ServerAccess:
    settings = host.world.settings
    roots = host.roots or (host.main_root,)
    request = WorkspaceRequest(
        run_id="mcp-check",
        request=RunRequest("", ""),
        emit=_drop,
        settings=settings,
        approver=host.door.approver,
        roots=roots,
    )
    workspace = host.door.make_workspace(request)
    context = ToolContext(
        workspace=workspace,
        approver=host.door.approver,
        commands=settings.commands,
        allowed_commands=settings.allowed_commands,
        privacy=settings.privacy,
        approvals=WorkspaceApprovals(host.services.approvals, workspace.root),
        environment=host.environ,
        extra_roots=roots[1:],
        trusted=host.world.trusting.trusted,
        vouched=host.world.trusting.vouched,
    )
    return ServerAccess(host, policy_of(settings), context)


def _drop(payload: EventPayload) -> None:
    """Drop the event, since there is no run."""
