"""The MCP servers of a run, and what the user allows each of them."""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING
from uuid import uuid4

from attrs import evolve, frozen

from inhouse.core import placeholders
from inhouse.core.definition import Agent, AgentDefinition
from inhouse.core.endpoint_kinds import Kind
from inhouse.core.errors import ToolError, UserError
from inhouse.core.events import Notice
from inhouse.core.json_values import mapping
from inhouse.core.placeholders import has_placeholder
from inhouse.core.ports import Arguments, Question, Tool
from inhouse.core.route import Endpoint, Privacy
from inhouse.core.settings import CommandMode, McpReadOnly, McpServer
from inhouse.core.unicode import visible
from inhouse.mcp.access import SESSION_HEADERS, Opened, Program, Remote
from inhouse.mcp.config import (
    RemoteServer,
    Server,
    StdioServer,
    from_environment,
    read_server,
    relative_to,
    variables_of,
    with_placeholders,
)
from inhouse.mcp.connection import Connection, ListedTool, McpError
from inhouse.mcp.tool_names import split_name, wanted_tools
from inhouse.mcp.tools import Wanted, open_toolbox
from inhouse.processes import PIPE, find_program, is_below
from inhouse.providers.network.addresses import http_address
from inhouse.providers.network.egress import EgressPolicy
from inhouse.store.mcp_listings import KnownTool
from inhouse.tools.context import ToolContext
from inhouse.tools.shell import processes
from inhouse.tools.shell.allow_list import find_listed
from inhouse.tools.shell.environment import inherited
from inhouse.tools.shell.offline import OfflineWay, offline_way

from .host_state import HostState
from .network import open_egress

if TYPE_CHECKING:
    from .run_context import RunContext

START, ALWAYS_START, DENY = "Start it", "Always start this server here", "Deny"
ONCE, THIS_RUN, ALWAYS = "Call it once", "Allow this tool for this run", "Always allow this tool"
REFUSED = "mcp_refused"
"""The error code of a server that was not allowed to start; nothing else may be wrong."""
_BASE = "base"
_SHOWN = 2_000
_NAME_SHOWN, _MOST_NAMED = 60, 10


@frozen
class McpTools:
    """What a run got from its servers."""

    definition: AgentDefinition
    """The definition with server tools under the names that models see."""
    tools: tuple[Tool, ...] = ()


async def mcp_tools(run: "RunContext", context: ToolContext, taken: Collection[str]) -> McpTools:
    """Start a definition's servers and return their tools.

    *taken* are the names of other tools.  A server that is unavailable is reported in a notice and
    costs the run nothing else.
    """
    definition = run.plan.definition
    named = [name for name in definition.tool_names if split_name(name) is not None]
    if not definition.mcp_servers and not named and not _for_all_of(run.host, run.plan.agent):
        return McpTools(definition)
    access = ServerAccess(run.host, run.egress.policy, context)
    wanted = await _wanted(run, access)
    box = await open_toolbox(
        wanted,
        open_server=access.open,
        permit=access.permit,
        emit=run.emit,
        taken=taken,
    )
    for told in await asyncio.to_thread(_kept, run.host, wanted, box.listed):
        run.emit(Notice("warning", "mcp_changed", told))
    names = [name for name in definition.tool_names if split_name(name) is None]
    names += [tool.spec.name for tool in box.tools]
    return McpTools(evolve(definition, tool_names=tuple(names)), box.tools)


def servers_of(
    host: HostState,
    agent: Agent,
    brought: Mapping[str, object] = MappingProxyType({}),
    *,
    filled: bool = True,
) -> tuple[dict[str, Server], list[UserError]]:
    """Return the servers that an agent uses, and what is wrong with the others.

    These are its definition's own servers and those of the settings that it names by
    ``server/tool``; *brought* are servers that the client supplied.  With *filled*, keys are looked
    up, which may block.
    """
    servers: dict[str, Server] = {}
    problems: list[UserError] = []
    source = str(agent.source)
    definition = agent.definition
    own: Mapping[str, object] = definition.mcp_servers if definition else {}
    given = _for_all_of(host, agent)
    named = {
        name: written
        for name, written in {**brought, **own}.items()
        if name not in given or name not in own  # as in Codebuff, over the definition's own
    }
    for name, written in named.items():
        theirs = agent.from_workspace and name in own
        try:
            servers[name] = _as_in_codebuff(
                host, name, mapping(written), source, filled=filled, from_workspace=theirs
            )
        except UserError as error:
            problems.append(error)
    for name in wanted_tools(definition.tool_names, given) if definition else ():
        found = host.world.settings.mcp_servers.get(name)
        if found is None or name in named:
            continue
        try:
            servers[name] = server_of_settings(host, found, filled=filled)
        except UserError as error:
            problems.append(error)
    return servers, problems


def _for_all_of(host: HostState, agent: Agent) -> Mapping[str, McpServer]:
    """Give the servers that an agent has without naming them: as in Codebuff, base agents do."""
    if not agent.id.startswith(_BASE):
        return {}
    return {
        name: server
        for name, server in host.world.settings.mcp_servers.items()
        if server.for_base_agents and server.enabled
    }


def server_of_settings(host: HostState, server: McpServer, *, filled: bool = True) -> Server:
    """Return a server that the settings name.  Raises `UserError`.

    May block: keys are looked up.
    """
    if not server.enabled:
        switched_off = f"it is turned off (enabled = false; {server.source})."
        raise McpError(server.name, switched_off, code=REFUSED)
    keys, url = host.world.keys, server.url or ""

    def fill(text: str) -> str:
        written = with_placeholders(text)
        if not filled or not has_placeholder(written):
            return text
        if server.from_workspace and not url:
            return placeholders.fill(written, keys, from_workspace=True)
        from_workspace, place = server.from_workspace, server.source
        key = placeholders.key(written, keys, url=url, from_workspace=from_workspace, place=place)
        return key.reveal()

    written: Mapping[str, object] = {
        "command": server.command,
        "args": server.args,
        "env": server.env,
        "url": server.url,
        "type": server.type.value if server.type is not None else None,
        "params": server.params,
        "headers": server.headers,
    }
    if server.for_base_agents:
        theirs = server.from_workspace
        return _as_in_codebuff(
            host, server.name, written, server.source, filled=filled, from_workspace=theirs
        )
    return read_server(server.name, written, fill=fill, source=server.source)


def _as_in_codebuff(
    host: HostState,
    name: str,
    written: Mapping[str, object],
    source: str,
    *,
    filled: bool,
    from_workspace: bool,
) -> Server:
    """Return a server that is written, and filled in, as in Codebuff.  Raises `UserError`."""
    fill = from_environment(host.environ) if filled else str
    server = read_server(name, written, fill=fill, source=source)
    if from_workspace and isinstance(server, RemoteServer):
        _check_variables(host, name, written)
    return server


def _kept(
    host: HostState, wanted: Sequence[Wanted], listed: Mapping[str, Sequence[ListedTool]]
) -> list[str]:
    """Remember each server's tools, and report what changed since last time.  Blocks."""
    return [
        told
        for each in wanted
        if listed.get(each.name)
        for told in remember(host, each.name, each.connection)
    ]


def remember(host: HostState, name: str, connection: Connection) -> list[str]:
    """Keep a server's listing; return what changed since last time.  Blocks."""
    store, what = host.services.mcp_listings, connection.server.what
    known = [KnownTool(one.name, one.description, one.fingerprint) for one in connection.tools]
    before = store.last(what)
    if before is None or list(before.values()) != known:
        store.keep(what, name, known)
    return list(_changes(name, before or {}, known))


def _changes(
    server: str, before: Mapping[str, KnownTool], now: Sequence[KnownTool]
) -> Iterator[str]:
    changed = [
        one.name
        for one in now
        if one.name in before and one.fingerprint != before[one.name].fingerprint
    ]
    if changed:
        names = ", ".join(visible(name)[:_NAME_SHOWN] for name in changed[:_MOST_NAMED])
        yield (
            f"MCP server {visible(server)!r} has changed {len(changed)} of its tools since last "
            f"time: {names}.  Inhouse asks again before it calls one of them."
        )


def _check_variables(host: HostState, name: str, written: Mapping[str, object]) -> None:
    """Refuse to send the user's variables to hosts that a workspace names.  Raises `UserError`."""
    allowed = host.world.settings.allowed_environment
    refused = [each for each in variables_of(written) if each not in allowed]
    if refused:
        raise McpError(
            name,
            f"a file of the workspace would send it {', '.join(refused)} from your environment.  "
            "To allow that, name it in `allowedEnvironment` of your own settings.",
        )


async def _wanted(run: "RunContext", access: "ServerAccess") -> list[Wanted]:
    plan, host = run.plan, run.host
    definition = plan.definition
    servers, problems = await asyncio.to_thread(
        servers_of, host, plan.agent, definition.mcp_servers
    )
    told = [str(problem) for problem in problems]
    wanted: list[Wanted] = []
    without_naming = [*definition.mcp_servers, *_for_all_of(host, plan.agent)]
    for name, tools in wanted_tools(definition.tool_names, without_naming).items():
        if name in servers:
            connection = host.services.mcp.connection(
                servers[name], surroundings=access.surroundings
            )
            wanted.append(Wanted(name, connection, tools))
        elif name not in {*definition.mcp_servers, *host.world.settings.mcp_servers}:
            known = ", ".join(sorted(host.world.settings.mcp_servers)) or "none"
            told.append(
                f"No MCP server {name!r}, which `toolNames` names.  Add it to `mcpServers` in "
                f"the definition or in your settings.  In your settings: {known}."
            )
    for text in told:
        run.emit(Notice("warning", "mcp_server", text))
    return wanted


@frozen
class ServerAccess:
    """Decides, or asks the user, what the servers of one run may do."""

    host: HostState
    policy: EgressPolicy
    context: ToolContext

    @property
    def surroundings(self) -> str:
        """What two runs must have in common to share a server."""
        return f"{self.context.workspace.root}\n{self.context.privacy.value}"

    async def open(self, server: Server) -> Opened:
        """Start a program, or connect.  Raises `InhouseError` if that is not allowed."""
        match server:
            case StdioServer():
                return await self._launch(relative_to(server, self.context.workspace.root))
            case RemoteServer():
                return await self._connect(server)

    async def _launch(self, server: StdioServer) -> Program:
        root, context = self.context.workspace.root, self.context
        roots = (root, *context.extra_roots)
        offline = context.privacy is Privacy.LOCAL_ONLY
        inherits = inherited(context.environment, offline=offline)
        program = await asyncio.to_thread(_program, server, roots, trusted=context.trusted)
        way = await offline_way(roots, inherits) if offline else None
        await self._may_start(server, exposed=offline and way is None, way=way)
        try:
            started = await processes.start(
                [*(way.prefix if way else ()), program, *server.args],
                cwd=root if context.trusted else Path.home(),  # npx and uvx obey files there
                environment={**inherits, **server.env},
                spec=way.spec if way else None,
                stdin=PIPE,
            )
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise McpError(server.name, f"{server.command!r} does not start: {reason}.") from None
        return Program(started.process, lambda: processes.end(started))

    async def _may_start(
        self, server: StdioServer, *, exposed: bool, way: OfflineWay | None
    ) -> None:
        context, line = self.context, server.command_line
        if context.commands is CommandMode.NEVER:
            raise McpError(
                server.name,
                'it is a command, and commands are turned off (setting commands = "never").',
                code=REFUSED,
            )
        # Variables decide what a program loads (NODE_OPTIONS, LD_PRELOAD): an answer is for them
        # too, and the list, which names none, is for a program without any.
        root, variables = context.workspace.root, (f"variables:{server.identity}",)
        key = ("MCP server:", server.command, *server.args, *(variables if server.env else ()))
        may_be_listed = context.trusted and not server.env
        listed = may_be_listed and find_listed(line, context.allowed_commands) is not None
        if not exposed and (listed or context.approvals.is_allowed(root, key)):
            return
        if context.commands is CommandMode.ALLOW_LISTED:
            raise McpError(
                server.name,
                f"its command is not listed in `allowedCommands`: {line}"
                + ("; and it could not be cut off from the network" if exposed else ""),
                code=REFUSED,
            )
        detail = f"Named by {server.source}."
        if server.env:
            detail += f"  It is given these variables: {_variables(server)}."
        text = f"Start the MCP server {visible(server.name)!r}?\n{visible(line)}"
        if exposed:
            text += (
                "\nPrivacy is local-only, but this system cannot cut a program off from the "
                "network: it could send your files anywhere."
            )
        elif way is not None:
            text += f"\nPrivacy is local-only.  {way.promise}"
        question = _question(text, visible(detail), START, lasting=(ALWAYS_START,))
        answer = await context.approver.ask(question)
        if ALWAYS_START in answer:
            await asyncio.to_thread(context.approvals.allow, root, key)
        elif START not in answer:
            said = "you said no" if answer else "nobody allowed it"
            raise McpError(server.name, f"it was not started: {said}.", code=REFUSED)

    async def _connect(self, server: RemoteServer) -> Remote:
        host = self.host
        address = http_address(server.url)
        names = dict.fromkeys((*SESSION_HEADERS, *(name.lower() for name in server.headers)), "")
        endpoint = Endpoint(
            f"MCP server {server.name}",
            Kind.OPENAI,
            _origin(server),
            server.source,
            headers=MappingProxyType(names),
            ca_file=None,
        )
        egress = open_egress(
            self.policy, host.services.approvals, host.main_root, self.context.approver
        )
        try:
            egress.check(endpoint)
            if address.unix_path is None:
                await egress.allow(address.host, address.port, endpoint)
            return Remote(egress.client(endpoint), egress.aclose)
        except BaseException:
            await egress.aclose()
            raise

    async def permit(
        self, name: str, server: Server, tool: ListedTool, arguments: Arguments
    ) -> None:
        """Return if a tool may be called.  Raises `ToolError` if not."""
        context = self.context
        name = f"{name}/{tool.name}"
        # Another program or host under the same name is another server.
        root, key = context.workspace.root, ("MCP tool:", name, server.what, tool.fingerprint)
        memory = context.memory
        if tool.read_only and self.host.world.settings.mcp_read_only is McpReadOnly.RUN:
            return
        if key in memory.allowed_tools or context.approvals.is_allowed(root, key):
            return
        async with memory.asking:
            if key in memory.allowed_tools:
                return
            shown = visible(str(dict(arguments)))
            text = f"Call {visible(name)} of an MCP server?\n{shown}"
            detail = f"The server's description: {visible(tool.description)[:_SHOWN]}"
            question = _question(text, detail, ONCE, lasting=(THIS_RUN, ALWAYS))
            answer = await context.approver.ask(question)
        if ALWAYS in answer:
            await asyncio.to_thread(context.approvals.allow, root, key)
        elif THIS_RUN in answer:
            memory.allowed_tools.add(key)
        elif ONCE not in answer:
            said = "The user denied this call." if answer else "Nobody allowed this call."
            raise ToolError(f"{said}  It was not made.  Go on without it.", code="denied")


def _question(text: str, detail: str, once: str, *, lasting: tuple[str, ...]) -> Question:
    return Question(
        id=f"mcp-{uuid4().hex[:8]}",
        text=text,
        choices=(DENY, once, *lasting),
        kind="command",
        detail=detail,
        safe=DENY,
        lasting=lasting,
    )


def _program(server: StdioServer, roots: Sequence[Path], *, trusted: bool) -> str:
    """Find a server's program; in the workspace only if given as a path.  Blocks."""
    if Path(server.command).is_absolute():
        if not trusted and is_below(Path(server.command), roots):
            raise McpError(
                server.name,
                f"{server.command!r} is a program of this workspace, which is not trusted.",
                code=REFUSED,
            )
        return server.command
    found = find_program(server.command, outside=roots)
    if found is None:
        raise McpError(
            server.name,
            f"there is no program {server.command!r} on the PATH.  Install it, or write its path.",
        )
    return found


def _variables(server: StdioServer) -> str:
    """List the variables with their values; keys show as dots."""
    return ", ".join(f"{name}={server.written.get(name, '•••')}" for name in sorted(server.env))


def _origin(server: RemoteServer) -> str:
    scheme, _, rest = server.url.partition("://")
    return f"{scheme}://{rest.partition('/')[0].partition('?')[0].rpartition('@')[2]}"
