"""What one run works with: its workspace, its tools, its model, all bound to one plan."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from inhouse.core.definition import AgentDefinition
from inhouse.core.errors import UserError
from inhouse.core.ports import Approver, Model, StepContext, StepLog, Steps, Tool, Workspace
from inhouse.core.request import RunRequest
from inhouse.loop import StartSteps
from inhouse.providers.network.web_page import read_page
from inhouse.tools.agent.control import control_tools
from inhouse.tools.agent.spawn_agents import spawn_tools
from inhouse.tools.context import Fetch, Fetched, ToolContext
from inhouse.tools.prompt_values import placeholders
from inhouse.tools.registry import workspace_tools

from .model_setup import connected
from .network import open_egress
from .plan import usable_definition
from .question_events import EventEmittingApprover
from .run_context import RunContext
from .selection_prompt import selection
from .services import WorkspaceApprovals
from .sub_agents import Spawner

if TYPE_CHECKING:
    from .host import Host


@frozen
class RunDependencies:
    """Everything `run_agent` is given."""

    model: Model
    tools: tuple[Tool, ...]
    prompt: str | None
    approver: Approver
    spawnable: tuple[AgentDefinition, ...]
    placeholders: Mapping[str, Callable[[], Awaitable[str]]]
    steps: StartSteps | None


async def bind(scope: RunContext) -> RunDependencies:
    """Bind what a plan names.  Raises `InhouseError`."""
    host, plan = scope.host, scope.plan
    approver = EventEmittingApprover(host.door.approver, scope.tell)
    roots = scope.family.roots
    workspace = host.workspace_for(plan.request, scope.state.run_id, scope.tell, approver, roots)
    context = _context(scope, workspace, approver)
    find = _finder(host)
    tools = (
        *workspace_tools(context),
        *control_tools(memory=scope.state, definition=plan.definition, find=find),
        *spawn_tools(definition=plan.definition, find=find, spawn=Spawner(scope).spawn),
    )
    return RunDependencies(
        model=connected(scope),
        tools=tools,
        prompt=await _prompt(plan.request, workspace, roots),
        approver=approver,
        spawnable=_spawnable(plan.definition, find),
        placeholders=placeholders(context),
        steps=_steps(host, plan.definition),
    )


def _context(scope: RunContext, workspace: Workspace, approver: Approver) -> ToolContext:
    host, settings = scope.host, scope.host.world.settings
    return ToolContext(
        workspace=workspace,
        approver=approver,
        emit=scope.tell,
        commands=settings.commands,
        allowed_commands=settings.allowed_commands,
        privacy=scope.plan.limits.privacy,
        approvals=WorkspaceApprovals(host.services.approvals, workspace.root),
        memory=scope.family.memory,
        environment=host.environ,
        extra_roots=scope.family.roots[1:],
        fetch=_fetcher(scope, approver),
        windowed_file_reads=scope.plan.definition.windowed_file_reads,
        trusted=host.world.trusting.trusted,
    )


def _fetcher(scope: RunContext, approver: Approver) -> Fetch:
    """Read pages of the web under the run's privacy, and never from the user's own network."""
    host = scope.host

    async def fetch(url: str) -> Fetched:
        policy = evolve(scope.family.door.policy, public_only=True)
        async with open_egress(policy, host.services.approvals, host.main_root, approver) as egress:
            page = await read_page(url, egress)
        return Fetched(page.status, page.final_url, page.content_type, page.body, page.truncated)

    return fetch


async def _prompt(request: RunRequest, workspace: Workspace, roots: tuple[Path, ...]) -> str | None:
    """Give the user's prompt with what was under the cursor behind it."""
    started_on = await selection(request, workspace, roots)
    parts = [request.prompt, started_on.as_prompt() if started_on else ""]
    return "\n\n".join(part for part in parts if part) or None


def _finder(host: "Host") -> Callable[[str], AgentDefinition | None]:
    def find(name: str) -> AgentDefinition | None:
        try:
            return usable_definition(host.world.catalog.find(name))
        except UserError:
            return None

    return find


def _spawnable(
    definition: AgentDefinition, find: Callable[[str], AgentDefinition | None]
) -> tuple[AgentDefinition, ...]:
    found = map(find, definition.spawnable_agents)
    return tuple(each for each in found if each is not None)


def _steps(host: "Host", definition: AgentDefinition) -> StartSteps | None:
    source = definition.handle_steps
    if source is None:
        return None

    async def start(context: StepContext, log: Callable[[StepLog], None]) -> Steps:
        return await host.services.sandbox.steps(source, context, log)

    return start
