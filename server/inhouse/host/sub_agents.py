"""Sub-agents: planned like any run, routed by their own definition, in their parent's limits."""

from collections.abc import Mapping
from typing import Any

from attrs import evolve, frozen

from inhouse.core.errors import ToolError
from inhouse.core.events import RunResult
from inhouse.core.limits import for_child
from inhouse.core.request import RunRequest
from inhouse.tools.agent.spawn_agents import SpawnRequest

from . import run_execution
from .run_context import RunContext

MOST_AGENTS = 100
"""Sub-agents of one run at once, on all levels: agents that spawn agents multiply."""


@frozen
class Spawner:
    """Starts the sub-agents of one run."""

    scope: RunContext

    async def spawn(self, request: SpawnRequest) -> Mapping[str, Any]:
        """Run a sub-agent to its end; gives its value as Codebuff shapes it.

        Raises `InhouseError` where it cannot start or failed.
        """
        host, scope = self.scope.host, self.scope
        memory = scope.family.memory
        if memory.agents >= MOST_AGENTS:
            raise ToolError(
                f"{memory.agents} agents of this run are at work already, which is the most.  "
                "Wait for their results, or do this yourself.",
                code="too_many_agents",
            )
        limits = for_child(scope.plan.limits, privacy=host.world.settings.privacy)
        plan = evolve(host.plan(_run_request(request)), limits=limits)
        child = scope.family.child(scope.state, inline=request.inline)
        run_id = host.book.new_run_id()
        memory.agents += 1
        try:
            outcome = await run_execution.run(host, plan, run_id, scope.listen, child)
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
