"""Sub-agents: planned like any run, routed by their definition, within their parent's limits."""

from collections.abc import Mapping

from attrs import evolve

from inhouse.core.errors import ToolError
from inhouse.core.events import RunResult
from inhouse.core.limits import for_child
from inhouse.core.request import RunRequest
from inhouse.tools.agent.spawn_agents import SpawnRequest

from .plan import plan_run
from .run_context import RunContext

MOST_AGENTS = 100
"""How many sub-agents a run may have at once, on all levels, since spawning multiplies."""


async def spawn(above: RunContext, request: SpawnRequest) -> Mapping[str, object]:
    """Run a sub-agent of *above* to its end; return its value in Codebuff's shape.

    Raises `InhouseError` if it cannot start or failed.
    """
    host, memory = above.host, above.tree.memory
    if memory.agents >= MOST_AGENTS:
        raise ToolError(
            f"{memory.agents} agents of this run are at work already, which is the most.  "
            "Wait for their results, or do this yourself.",
            code="too_many_agents",
        )
    limits = for_child(above.plan.limits, privacy=host.world.settings.privacy)
    plan = evolve(plan_run(host, _run_request(request)), limits=limits)
    memory.agents += 1
    try:
        outcome = await above.begin(above, plan, request.inline)
    finally:
        memory.agents -= 1
    if outcome.loop is None:
        raise _failure(request, outcome.result)
    return outcome.loop.value


def _run_request(request: SpawnRequest) -> RunRequest:
    return RunRequest(
        agent=request.definition.id, prompt=request.prompt or "", params=request.params or {}
    )


def _failure(request: SpawnRequest, result: RunResult) -> ToolError:
    told = result.error.message if result.error is not None else result.status.value
    return ToolError(f"Agent {request.agent_type!r} {told}", code="agent_failed")
