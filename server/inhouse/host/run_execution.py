"""One run from its plan to its result: binds model, tools and workspace, and keeps the ledger."""

import asyncio
import logging
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from inhouse.core.errors import InhouseError
from inhouse.core.events import (
    EventPayload,
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
from inhouse.providers.network.traffic_log import TrafficLog, recording
from inhouse.tools.input.check_input import check_input, problem_with

from .model_setup import connecting, verified
from .plan import Plan
from .redacting_model import cleaned
from .run_context import Listen, RunContext, RunTree, new_family
from .run_recorder import RunRecorder
from .run_setup import bind

if TYPE_CHECKING:
    from .host import Host

logger = logging.getLogger(__name__)


@frozen
class RunOutcome:
    """What a parent needs of a sub-agent's run."""

    result: RunResult
    loop: LoopResult | None


async def run(
    host: "Host", plan: Plan, run_id: str, listen: Listen, above: RunTree | None = None
) -> RunOutcome:
    """Run to the end; only `asyncio.CancelledError` is raised, after everything has been told."""
    ledger = RunRecorder(run_id, plan.request, plan.route, above.ledger if above else None)
    host.book.open(ledger)
    parent = above.ledger.run_id if above else None

    def tell(payload: EventPayload) -> None:
        payload = cleaned(payload)
        ledger.observe(payload)
        listen(RunEvent(run_id, plan.agent.id, payload, parent))

    family = evolve(above, ledger=ledger) if above else new_family(host, ledger, plan.request)
    scope = RunContext(host, plan, RunState(run_id=run_id), family, tell, listen)
    done: LoopResult | None = None
    with recording() as contacts:
        try:
            done = await _work(scope)
            _complete(scope, done)
        except asyncio.CancelledError:
            _stop(scope, RunStatus.CANCELLED)
            raise
        except InhouseError as error:
            _stop(scope, RunStatus.FAILED, RunError(error.code, redact(str(error))))
        except Exception as error:
            logger.exception("run %s broke", run_id)
            _stop(scope, RunStatus.FAILED, _bug(error))
        finally:
            try:
                if above is None:
                    await family.memory.aclose()
            finally:
                _close(scope, contacts)
    return RunOutcome(ledger.result(), done)


async def _work(scope: RunContext) -> LoopResult:
    try:
        plan = await scope.host.confirm(scope.plan)
    except BaseException:
        scope.tell(RunStarted(scope.plan.route))
        raise
    scope = evolve(scope, plan=plan)
    async with connecting(scope) as family:
        return await _loop(evolve(scope, family=family))


async def _loop(scope: RunContext) -> LoopResult:
    host, plan = scope.host, scope.plan
    try:
        plan = await verified(plan, scope.family.door)
    finally:
        scope.tell(RunStarted(plan.route))
    scope = evolve(scope, plan=plan)
    bound = await bind(scope)
    return await run_agent(
        model=bound.model,
        definition=plan.definition,
        tools=bound.tools,
        check=check_input,
        check_value=problem_with,
        limits=plan.limits,
        state=scope.state,
        emit=scope.tell,
        prompt=bound.prompt,
        params=plan.request.params or None,
        history=host.book.history(plan.request.session),
        steps=bound.steps,
        placeholders=bound.placeholders,
        spawnable=bound.spawnable,
        approver=bound.approver,
        parent=scope.family.parent,
        inline=scope.family.inline,
    )


def _complete(scope: RunContext, done: LoopResult) -> None:
    scope.family.ledger.finish(
        RunStatus.COMPLETED,
        stop_reason=done.stop_reason,
        text=done.text,
        output=done.output,
        messages=done.messages,
    )
    scope.host.book.remember(scope.plan.request.session, done.messages)


def _stop(scope: RunContext, status: RunStatus, error: RunError | None = None) -> None:
    """Close the ledger of a run that did not complete; what was said is kept."""
    ledger, state = scope.family.ledger, scope.state
    said, messages = ledger.streamed_text(), state.messages
    if said and not (messages and messages[-1] == AssistantMessage(said)):
        messages = (*messages, AssistantMessage(said))
    ledger.finish(
        status,
        stop_reason=StopReason.CANCELLED if status is RunStatus.CANCELLED else None,
        output=state.output,
        error=error,
        messages=messages,
    )


def _close(scope: RunContext, contacts: TrafficLog) -> None:
    ledger = scope.family.ledger
    ledger.contacted(tuple(contacts))
    scope.tell(RunFinished(ledger.result()))
    scope.host.keep_record(ledger.result(), scope.plan.request)


def _bug(error: Exception) -> RunError:
    return RunError(
        "internal",
        f"Inhouse itself broke ({type(error).__name__}).  The server's log has the details; "
        "what was said so far is kept.  Running it again may work.",
    )
