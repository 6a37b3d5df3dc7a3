"""A run in progress: what was decided, who started it, what it shares, where it reports."""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from attrs import field, frozen

from inhouse.core.events import RunEvent, RunResult
from inhouse.core.files import holds_home
from inhouse.core.ports import Approver, Emit, Question
from inhouse.providers.cost.budget import Budget
from inhouse.providers.network.egress import Egress
from inhouse.tools.context import SharedRunState
from inhouse.tools.edit.private_proposals import RunProposals
from inhouse.tools.known_texts import KnownTexts

from .host_state import HostState
from .run_plan import Plan
from .run_recorder import RunRecorder
from .sessions import SessionTurn

if TYPE_CHECKING:
    from inhouse.loop import LoopResult, RunState
    from inhouse.providers.chat.codebuff import BackendRun

Listen = Callable[[RunEvent], None]
"""Receives the events of a door's runs.  Must not block and must not raise."""


@frozen
class RunTree:
    """What a run shares with its parents and sub-agents."""

    memory: SharedRunState
    budget: Budget
    roots: tuple[Path, ...]
    """The workspace's folders; the one the user started in comes first."""
    turn: SessionTurn
    """The session's turn that all of them belong to."""
    egress: Egress | None = None
    """The first run's access to the network, which later changes of settings do not widen.  None
    until the run is confirmed."""
    backend: "BackendRun | None" = None
    """The run's counterpart at Codebuff's backend."""


@frozen
class RunContext:
    """One run in progress."""

    host: HostState
    plan: Plan
    state: "RunState"
    recorder: RunRecorder
    tree: RunTree
    emit: Emit
    """Takes the event payloads of this run."""
    listen: Listen
    """Receives the events of this run and of its sub-agents."""
    parent: "RunState | None" = None
    """The state of the agent that spawned this one."""
    inline: bool = False
    begin: "BeginRun" = field(kw_only=True)
    """Runs a plan as a sub-agent of this run."""
    known: KnownTexts = field(factory=KnownTexts)
    """What this run's conversation has seen of each file."""
    proposals: RunProposals = field(factory=RunProposals)
    """The proposals of this run's ``propose_*`` calls."""

    @property
    def is_turn(self) -> bool:
        """Whether it is a session's turn, not a part of one."""
        return self.plan.request.session is not None

    @property
    def egress(self) -> Egress:
        """The access to the network, once the run is confirmed."""
        egress = self.tree.egress
        assert egress is not None, "nothing is open before a run is confirmed"  # noqa: S101
        return egress


@frozen
class RunOutcome:
    """What a parent needs from a sub-agent's run."""

    result: RunResult
    loop: "LoopResult | None"


BeginRun = Callable[[RunContext, Plan, bool], Awaitable[RunOutcome]]
"""Runs a plan as a sub-agent to its end, with the parent's history if the last argument is True."""


def new_tree(host: HostState, plan: Plan, state: "RunState", emit: Emit) -> RunTree:
    """Return what a top-level run shares with its sub-agents."""
    settings = host.world.settings
    budget = Budget(
        settings.budget_usd,
        daily_limit_usd=settings.daily_budget_usd,
        day=host.services.spending,
        limit_source=settings.sources.get("budgetUsd", "budgetUsd"),
        daily_source=settings.sources.get("dailyBudgetUsd", "dailyBudgetUsd"),
        may_raise=partial(_may_raise, host.door.approver),
    )
    path = plan.request.path
    roots = host.roots or (_without_a_folder(host, path),)
    if path is not None:
        place = path.resolve()
        roots = tuple(sorted(roots, key=lambda root: not place.is_relative_to(root)))
    turn = host.sessions.begin(plan, state, emit)
    return RunTree(SharedRunState(), budget, roots, turn)


def _without_a_folder(host: HostState, path: Path | None) -> Path:
    """Return what a run works in where no folder is open: never the user's whole home.

    The folder of the file that it was started on, unless that holds the home; else an empty one.
    """
    if path is not None and not holds_home(path.parent):
        return path.resolve().parent
    empty = nowhere(host)
    empty.mkdir(parents=True, exist_ok=True)
    return empty


def nowhere(host: HostState) -> Path:
    """Return the empty folder that a run works in where nothing is open; nothing is kept in it."""
    return host.services.folders.cache / "no-folder-is-open"


async def _may_raise(approver: Approver, limit_usd: float, why: str) -> bool:
    """Offer to continue with a larger budget; no answer means no."""
    go_on = f"Raise to ${limit_usd:.4g} and continue"
    choices = ("Stop", go_on)
    question = Question(
        f"budget-{uuid4().hex[:8]}",
        f"{why}  Raise it to ${limit_usd:.4g} for this run?",
        choices,
        kind="budget",
        safe=choices[0],
    )
    return go_on in await approver.ask(question)
