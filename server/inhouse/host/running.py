"""One run from its plan to its result: binds model, tools and workspace, and keeps the ledger."""

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from inhouse.core.errors import InhouseError
from inhouse.core.events import (
    Happening,
    RunError,
    RunEvent,
    RunFinished,
    RunResult,
    RunStarted,
    RunStatus,
    StopReason,
)
from inhouse.core.messages import AssistantMessage
from inhouse.core.redaction import redact
from inhouse.loop import LoopResult, RunState, run_agent
from inhouse.providers.contacts import ContactLog, recording
from inhouse.tools import RunMemory
from inhouse.tools.arguments import check_input, problem_with

from .binding import bind
from .ledger import Ledger
from .plan import Plan

if TYPE_CHECKING:
    from .host import Host

logger = logging.getLogger(__name__)

Listen = Callable[[RunEvent], None]
"""Where a door hears of its runs.  Must not block and must not raise."""


@frozen
class Family:
    """What a run shares with the runs above and below it."""

    ledger: Ledger
    memory: RunMemory
    parent: RunState | None = None
    """The state of the agent that spawned this one."""
    inline: bool = False

    def child(self, state: RunState, *, inline: bool) -> "Family":
        """Give the family of a sub-agent of this run."""
        return evolve(self, parent=state, inline=inline)


@frozen
class Outcome:
    """What a parent needs of a sub-agent's run."""

    result: RunResult
    loop: LoopResult | None


async def run(
    host: "Host", plan: Plan, run_id: str, listen: Listen, above: Family | None = None
) -> Outcome:
    """Run to the end; only `asyncio.CancelledError` is raised, after everything has been told."""
    ledger = Ledger(run_id, plan.request, plan.route, above.ledger if above else None)
    family = evolve(above, ledger=ledger) if above else Family(ledger, RunMemory())
    host.book.open(ledger)
    parent = above.ledger.run_id if above else None

    def tell(happening: Happening) -> None:
        ledger.observe(happening)
        listen(RunEvent(run_id, plan.agent.id, happening, parent))

    state = RunState(run_id=run_id)
    done: LoopResult | None = None
    with recording() as contacts:
        try:
            done = await _work(host, plan, state, tell, listen, family)
            _complete(host, plan, ledger, done)
        except asyncio.CancelledError:
            _stop(ledger, state, RunStatus.CANCELLED)
            raise
        except InhouseError as error:
            _stop(ledger, state, RunStatus.FAILED, RunError(error.code, redact(str(error))))
        except Exception as error:
            logger.exception("run %s broke", run_id)
            _stop(ledger, state, RunStatus.FAILED, _bug(error))
        finally:
            _close(host, ledger, contacts, tell)
    return Outcome(ledger.result(), done)


async def _work(
    host: "Host",
    plan: Plan,
    state: RunState,
    tell: Callable[[Happening], None],
    listen: Listen,
    family: Family,
) -> LoopResult:
    try:
        plan = await host.confirm(plan)
    finally:
        tell(RunStarted(plan.route))
    bound = await bind(host, plan, state, tell, listen, family)
    return await run_agent(
        model=bound.model,
        definition=plan.definition,
        tools=bound.tools,
        check=check_input,
        check_value=problem_with,
        limits=plan.limits,
        state=state,
        emit=tell,
        prompt=bound.prompt,
        params=plan.request.params or None,
        history=host.book.history(plan.request.session),
        steps=bound.steps,
        placeholders=bound.placeholders,
        spawnable=bound.spawnable,
        approver=bound.approver,
        parent=family.parent,
        inline=family.inline,
    )


def _complete(host: "Host", plan: Plan, ledger: Ledger, done: LoopResult) -> None:
    ledger.finish(
        RunStatus.COMPLETED,
        stop_reason=done.stop_reason,
        text=done.text,
        output=done.output,
        messages=done.messages,
    )
    host.book.remember(plan.request.session, done.messages)


def _stop(
    ledger: Ledger, state: RunState, status: RunStatus, error: RunError | None = None
) -> None:
    """Close the ledger of a run that did not complete; what was said is kept."""
    reason = StopReason.CANCELLED if status is RunStatus.CANCELLED else None
    said = ledger.streamed_text()
    messages = state.messages
    if said and not (messages and messages[-1] == AssistantMessage(said)):
        messages = (*messages, AssistantMessage(said))
    ledger.finish(
        status, stop_reason=reason, output=state.output, error=error, messages=messages
    )


def _close(
    host: "Host", ledger: Ledger, contacts: ContactLog, tell: Callable[[Happening], None]
) -> None:
    ledger.contacted(tuple(contacts))
    tell(RunFinished(ledger.result()))
    host.keep_record(ledger.result())


def _bug(error: Exception) -> RunError:
    return RunError(
        "internal",
        f"Inhouse itself broke ({type(error).__name__}).  The server's log has the details; "
        "what was said so far is kept.  Running it again may work.",
    )
