"""What a run works with: its workspace, tools and model, all made for one plan."""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from attrs import evolve

from inhouse.core.definition import AgentDefinition
from inhouse.core.errors import InhouseError, UserError
from inhouse.core.events import Notice
from inhouse.core.ports import Approver, Prompt, Workspace
from inhouse.core.request import RunRequest
from inhouse.core.without_effect import without_effect
from inhouse.loop import LoopContext, Need, SmallModel
from inhouse.providers.endpoints.token_count import is_small, need_of
from inhouse.providers.network.web_page import read_page
from inhouse.tools.agent.control import control_tools
from inhouse.tools.agent.spawn_agents import spawn_tools
from inhouse.tools.context import Fetched, ToolContext
from inhouse.tools.edit.private_proposals import PrivateWorkspace
from inhouse.tools.git_changes import git_changes
from inhouse.tools.input.check_input import check_input, problem_with
from inhouse.tools.project_view import ProjectView, project_view
from inhouse.tools.prompt_values import placeholders
from inhouse.tools.registry import workspace_tools
from inhouse.tools.tool_set import ToolSet

from .host_state import WorkspaceRequest
from .mcp_servers import mcp_tools
from .named_context import named_context
from .network import open_egress
from .plan import usable_definition
from .run_context import RunContext, nowhere
from .run_model import ModelTraits, connected, traits_of
from .selection_prompt import selection
from .services import WorkspaceApprovals
from .sub_agents import spawn

NARROW_WINDOW = 8_192
"""In tokens: a model with a window this small should not spend it on exploring."""

_NO_FOLDER = (
    "No folder is open, so there is no place for a file.  The user has to open one in the editor "
    "first."
)


def make_workspace(run: RunContext) -> PrivateWorkspace:
    """Return the workspace through which this run reads and changes files."""
    host = run.host
    inner = host.door.make_workspace(
        WorkspaceRequest(
            run_id=run.state.run_id,
            request=run.plan.request,
            emit=run.emit,
            settings=host.world.settings,
            approver=host.door.approver,
            roots=run.tree.roots,
        )
    )
    edited = partial(run.tree.turn.edited, run.state.run_id)
    refusal = _NO_FOLDER if run.tree.roots[0] == nowhere(host) else None
    return PrivateWorkspace(inner, run.proposals, edited, refusal)


async def loop_context(run: RunContext, workspace: Workspace) -> LoopContext:
    """Assemble what the loop needs.  Raises `InhouseError`."""
    host, plan, roots = run.host, run.plan, run.tree.roots
    approver = host.door.approver
    context = _tool_context(run, workspace, approver)
    traits = await traits_of(run)

    attach = partial(
        named_context,
        workspace=workspace,
        roots=roots,
        diff=lambda: git_changes(workspace.root, context.environment, trusted=context.trusted),
        emit=run.emit,
    )
    if run.is_turn:
        run.tree.turn.attach = attach

    def find(name: str) -> AgentDefinition | None:
        try:
            return usable_definition(host.world.catalog.find(name))
        except UserError:
            return None

    makers = {
        **workspace_tools(context),
        **control_tools(memory=run.state, definition=plan.definition, find=find),
        **spawn_tools(definition=plan.definition, find=find, spawn=partial(spawn, run)),
    }
    if images := plan.request.images:
        kinds = ", ".join(image.media_type or "a picture" for image in images)
        run.emit(Notice("info", "pictures", f"Sent with the prompt: {kinds}."))
    for told in without_effect(plan.definition):
        run.emit(Notice("info", "no_effect", told))
    mcp = await mcp_tools(run, context, makers)
    spawnable, script = map(find, plan.definition.spawnable_agents), plan.definition.handle_steps
    return LoopContext(
        model=connected(run, traits.served),
        definition=mcp.definition,
        tools=ToolSet(makers, mcp.tools),
        check=check_input,
        check_value=problem_with,
        limits=plan.limits,
        state=run.state,
        emit=run.emit,
        prompt=await _prompt(plan.request, context, roots, attach if run.is_turn else None),
        params=plan.request.params or None,
        images=plan.request.images,
        history=run.tree.turn.history if run.is_turn else (),
        steers=run.tree.turn.steers if run.is_turn else None,
        need=partial(_need, run),
        idle_s=run.tree.turn.idle_s if run.is_turn else None,
        compact_at=min(host.world.settings.compact_at, 1.0),
        start_steps=None if script is None else partial(host.services.sandbox.steps, script),
        placeholders=placeholders(context),
        spawnable=tuple(each for each in spawnable if each is not None),
        approver=approver,
        parent=run.parent,
        inline=run.inline,
        small=await _small(run, context, traits),
    )


async def _need(run: RunContext, prompt: Prompt) -> Need | None:
    """Return what a request needs and what the window holds, if the server says so."""
    endpoint, shared = run.plan.endpoint, run.host.services.shared
    needed = need_of(prompt)
    if run.plan.unserved is not None or endpoint.pool or is_small(endpoint, needed):
        return None
    try:
        window = await shared.windows.window(endpoint, run.plan.model, run.egress)
    except InhouseError:
        return None
    return None if window is None else Need(needed.likely, window)


async def _small(run: RunContext, context: ToolContext, traits: ModelTraits) -> SmallModel | None:
    """Prepare what a small model, or one with a small window, is shown for its prompt."""
    definition = run.plan.definition
    narrow = traits.window is not None and traits.window <= NARROW_WINDOW
    if not (traits.small or narrow):
        return None
    view = ProjectView()
    if not _looks_itself(definition) and not run.inline:
        prompt = run.plan.request.prompt or ""
        view = await project_view(context, prompt, definition.tool_names, window=traits.window)
    return SmallModel(view.outline, view.files, view.named, instructions_first=traits.small)


def _looks_itself(definition: AgentDefinition) -> bool:
    """Return whether a definition brings its own view of the project."""
    prompts = (definition.system_prompt, definition.instructions_prompt, definition.step_prompt)
    return definition.handle_steps is not None or any(
        "{CODEBUFF_FILE_TREE_PROMPT" in text for text in prompts
    )


def _tool_context(run: RunContext, workspace: Workspace, approver: Approver) -> ToolContext:
    host, settings = run.host, run.host.world.settings
    return ToolContext(
        workspace=workspace,
        approver=approver,
        emit=run.emit,
        commands=settings.commands,
        allowed_commands=settings.allowed_commands,
        privacy=run.plan.limits.privacy,
        edits=settings.edits,
        approvals=WorkspaceApprovals(host.services.approvals, workspace.root),
        memory=run.tree.memory,
        environment=host.environ,
        allowed_environment=settings.allowed_environment,
        extra_roots=run.tree.roots[1:],
        fetch=partial(_fetch, run, approver),
        windowed_file_reads=run.plan.definition.windowed_file_reads,
        trusted=host.world.trusting.trusted,
        vouched=host.world.trusting.vouched,
        terminal=host.door.terminal,
        offers=run.plan.definition.tool_names,
        known=run.known,
    )


async def _fetch(run: RunContext, approver: Approver, url: str) -> Fetched:
    """Read a web page as privacy allows, and never from the user's own network."""
    host, policy = run.host, evolve(run.egress.policy, public_only=True)
    async with open_egress(policy, host.services.approvals, host.main_root, approver) as egress:
        page = await read_page(url, egress)
    return Fetched(page.status, page.final_url, page.content_type, page.body, page.truncated)


async def _prompt(
    request: RunRequest,
    context: ToolContext,
    roots: tuple[Path, ...],
    attach: Callable[[str], Awaitable[str]] | None,
) -> str | None:
    """Return the user's prompt followed by the selection and by what the prompt names."""
    parts = [request.prompt]
    if request.path is not None:
        started_on = await selection(request.path, request.range, context.workspace, roots)
        end = started_on.start + len(started_on.text)
        context.known.shown(started_on.path, started_on.document, started_on.start, end)
        parts.append(started_on.as_prompt())
    if attach is not None:
        parts.append(await attach(request.prompt))
    return "\n\n".join(part for part in parts if part) or None
