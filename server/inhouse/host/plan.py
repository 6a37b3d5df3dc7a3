"""A run that can start: everything that could be wrong has been checked."""

from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from inhouse.core.definition import Agent, AgentDefinition
from inhouse.core.errors import RefusedError, UserError
from inhouse.core.limits import Limits
from inhouse.core.placeholders import KeySources
from inhouse.core.request import RunRequest
from inhouse.core.route import Endpoint, Route
from inhouse.core.settings import Settings
from inhouse.core.text import Problem, Severity
from inhouse.providers.routing.choose import Choice, choose


@frozen
class Plan:
    request: RunRequest
    agent: Agent
    definition: AgentDefinition
    endpoint: Endpoint
    model: str
    route: Route
    limits: Limits
    needs_trust: bool = False
    """The user has not decided yet whether to trust the workspace: ask before anything runs."""


@frozen
class Surroundings:
    """What a choice depends on besides the definition."""

    settings: Settings
    environ: Mapping[str, str]
    keys: KeySources
    embedded_installed: bool
    workspace_trusted: bool


def usable_definition(agent: Agent) -> AgentDefinition:
    """Give the definition.  Raises `UserError` with the first thing that is wrong."""
    if agent.definition is not None:
        return agent.definition
    for problem in agent.problems:
        if problem.code == "needs-trust":
            raise RefusedError(
                f"The definition of {agent.id!r} ({agent.source.name}) is computed: it can only "
                "be read by running its code, and this workspace is not trusted.",
                TRUST_REMEDY,
                code="untrusted",
            )
    errors = [one for one in agent.problems if one.severity is Severity.ERROR]
    told = "  ".join(map(_told, errors)) or "It could not be read."
    raise UserError(f"The definition of {agent.id!r} cannot be used.  {told}", code="definition")


TRUST_REMEDY = "Trust the workspace: `inhouse trust` in its folder, --trust, or in the editor."


def _told(problem: Problem) -> str:
    return f"{problem.path.name}:{problem.range.start.line + 1}: {problem.message}"


def choice_for(
    agent: Agent | None,
    definition: AgentDefinition,
    around: Surroundings,
    *,
    endpoint: str | None = None,
    model: str | None = None,
) -> Choice:
    """Choose who serves an agent; None: one not written yet.  Raises `UserError`."""
    return choose(
        definition,
        settings=around.settings,
        environment=around.environ,
        request_endpoint=endpoint,
        request_model=model,
        embedded_installed=around.embedded_installed,
        definition_source=_source(agent.source) if agent else "",
        definition_from_workspace=agent.from_workspace if agent else False,
        workspace_trusted=around.workspace_trusted,
        keys=around.keys,
    )


def _source(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
