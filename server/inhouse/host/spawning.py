"""Sub-agents: each planned like any run, routed by its own definition, inside its parent's limits."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from inhouse.core.errors import ToolError
from inhouse.core.events import RunResult
from inhouse.core.limits import for_child
from inhouse.core.request import RunRequest
from inhouse.loop import RunState
from inhouse.tools.spawn import SpawnRequest

from . import running
from .plan import Plan

if TYPE_CHECKING:
    from .host import Host
    from .running import Family, Listen


@frozen
class Spawner:
    """Starts the sub-agents of one run."""

    host: "Host"
    plan: Plan
    state: RunState
    listen: "Listen"
    family: "Family"

    async def spawn(self, request: SpawnRequest) -> Mapping[str, Any]:
        """Run a sub-agent to its end; gives its value as Codebuff shapes it.

        Raises `InhouseError` where it cannot start or failed.
        """
        limits = for_child(self.plan.limits)
        plan = evolve(self.host.plan(_run_request(request)), limits=limits)
        child = self.family.child(self.state, inline=request.inline)
        outcome = await running.run(
            self.host, plan, self.host.book.new_run_id(), self.listen, child
        )
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
