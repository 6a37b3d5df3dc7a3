"""One run under one name: who started it, what it shares, where it reports."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from inhouse.core.events import RunEvent
from inhouse.core.ports import Emit
from inhouse.core.request import RunRequest
from inhouse.providers.cost.budget import Budget
from inhouse.providers.network.egress import Egress
from inhouse.tools.context import SharedRunState

from .plan import Plan
from .run_recorder import RunRecorder
from .selection_prompt import nearest_first

if TYPE_CHECKING:
    from inhouse.loop import RunState
    from inhouse.providers.chat.codebuff import BackendRun

    from .host import Host

Listen = Callable[[RunEvent], None]
"""Where a door hears of its runs.  Must not block and must not raise."""


@frozen
class RunTree:
    """What a run shares with the runs above and below it."""

    ledger: RunRecorder
    memory: SharedRunState
    budget: Budget
    roots: tuple[Path, ...]
    """The folders of the workspace, the one that the user started in first."""
    parent: "RunState | None" = None
    """The state of the agent that spawned this one."""
    inline: bool = False
    egress: Egress | None = None
    """The door of the first of them: settings that change meanwhile do not widen it."""
    backend: "BackendRun | None" = None
    """The run at Codebuff's backend."""

    @property
    def door(self) -> Egress:
        """The way to the network, once the run is confirmed."""
        assert self.egress is not None, "nothing is open before a run is confirmed"  # noqa: S101
        return self.egress

    def child(self, state: "RunState", *, inline: bool) -> "RunTree":
        """Give the family of a sub-agent of this run."""
        return evolve(self, parent=state, inline=inline)


@frozen
class RunContext:
    host: "Host"
    plan: Plan
    state: "RunState"
    family: RunTree
    tell: Emit
    """Takes what happens in this run."""
    listen: Listen
    """Takes the events of this run and of those below it."""


def new_family(host: "Host", ledger: RunRecorder, request: RunRequest) -> RunTree:
    """Give what a run that nobody spawned shares with its sub-agents."""
    settings = host.world.settings
    budget = Budget(
        settings.budget_usd,
        daily_limit_usd=settings.daily_budget_usd,
        day=host.services.spending,
        limit_source=settings.sources.get("budgetUsd", "budgetUsd"),
        daily_source=settings.sources.get("dailyBudgetUsd", "dailyBudgetUsd"),
    )
    roots = nearest_first(host.roots or (host.main_root,), request.path)
    return RunTree(ledger, SharedRunState(), budget, roots)
