"""Plans a run: everything that can be checked without a connection is checked here."""

import re

from attrs import evolve

from inhouse.core.definition import Agent, AgentDefinition
from inhouse.core.endpoint_kinds import Kind
from inhouse.core.errors import DefinitionError, RefusedError, UserError
from inhouse.core.limits import Limits
from inhouse.core.request import RunRequest
from inhouse.core.route import DecidedBy, Endpoint, Route, RouteStep
from inhouse.core.text import Problem, Severity
from inhouse.providers.routing.choose import Choice, choose

from .host_state import HostState
from .run_plan import Plan


def plan_run(state: HostState, request: RunRequest) -> Plan:
    """Check everything that can be checked without a connection.  Raises `UserError`."""
    world = state.world
    agent = world.catalog.find(request.agent)
    needs_trust = agent.from_workspace and not world.trusting.covers(agent.source)
    if needs_trust and not world.trusting.undecided:
        raise world.trusting.refusal()
    definition = usable_definition(agent)
    unserved = None
    try:
        choice = choice_for(
            agent,
            definition,
            state,
            trusted=needs_trust,
            endpoint=request.endpoint,
            model=request.model,
        )
        endpoint, no = choice.endpoint, choice.route.refused
        if endpoint is None or no is not None:
            raise RefusedError(no.reason, no.remedy) if no else UserError("No endpoint.")
    except UserError as error:
        if not _asks_no_model(definition, request):
            raise
        endpoint, choice = _NOWHERE, _no_choice(definition, error)
        unserved = error
    settings = world.settings
    return Plan(
        request=evolve(request, agent=agent.id),
        agent=agent,
        definition=definition,
        endpoint=endpoint,
        model=choice.model,
        route=choice.route,
        limits=Limits(
            max_steps=settings.max_steps,
            privacy=settings.privacy,
            budget_usd=settings.budget_usd,
        ),
        needs_trust=needs_trust,
        unserved=unserved,
    )


_NOWHERE = Endpoint("none", Kind.OPENAI, "", "handleSteps")
_STEP = re.compile(r"\bSTEP(?:_ALL)?\b|\bGENERATE_N\b")


def _asks_no_model(definition: AgentDefinition, request: RunRequest) -> bool:
    """Return whether a generator names no model step; if it takes one anyway, it fails."""
    steps = definition.handle_steps
    return steps is not None and request.endpoint is None and _STEP.search(steps) is None


def _no_choice(definition: AgentDefinition, error: UserError) -> Choice:
    told = RouteStep("handleSteps", "nobody serves it: it names no step of a model")
    route = Route(
        endpoint=_NOWHERE.name,
        base_url="",
        model=definition.model,
        local=True,  # Nothing is sent anywhere.
        decided_by=DecidedBy.DEFINITION,
        source=_NOWHERE.source,
        steps=(told, RouteStep("otherwise", str(error))),
    )
    return Choice(None, definition.model, route)


def usable_definition(agent: Agent) -> AgentDefinition:
    """Return the definition.  Raises `UserError` with the first thing that is wrong."""
    if agent.definition is not None:
        return agent.definition
    for problem in agent.problems:
        if problem.code == "needs-trust":
            raise RefusedError(
                f"The definition of {agent.id!r} ({agent.source.name}) is computed.  Inhouse can "
                "read it only by running its code, and this workspace is not trusted.",
                TRUST_REMEDY,
                code="untrusted",
            )
    errors = [one for one in agent.problems if one.severity is Severity.ERROR]
    told = "  ".join(map(_told, errors)) or "it could not be read."
    path, line = (errors[0].path, errors[0].range.start.line) if errors else (agent.source, 0)
    raise DefinitionError(f"The definition of {agent.id!r} cannot be used: {told}", path, line)


TRUST_REMEDY = "Trust the workspace: `inhouse trust` in its folder, --trust, or in the editor."


def _told(problem: Problem) -> str:
    return f"{problem.path.name}:{problem.range.start.line + 1}: {problem.message}"


def choice_for(
    agent: Agent | None,
    definition: AgentDefinition,
    state: HostState,
    *,
    trusted: bool = False,
    endpoint: str | None = None,
    model: str | None = None,
) -> Choice:
    """Choose who serves an agent, or with None one that does not exist yet.  Raises `UserError`.

    *trusted*: the workspace will be trusted before the run begins, if it is not yet.
    """
    world = state.world
    return choose(
        definition,
        settings=world.settings,
        environment=state.environ,
        request_endpoint=endpoint,
        request_model=model,
        embedded_installed=world.embedded_installed,
        definition_source="/".join(agent.source.parts[-2:]) if agent else "",
        definition_from_workspace=agent.from_workspace if agent else False,
        workspace_trusted=trusted or world.trusting.trusted,
        keys=world.keys,
    )
