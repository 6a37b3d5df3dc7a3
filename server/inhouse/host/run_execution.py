"""Takes one run from its plan to its result, and records what it said, used and contacted."""

import asyncio
import json
import logging
from collections.abc import Mapping

from attrs import evolve

from inhouse.core.errors import InhouseError
from inhouse.core.events import (
    EditChanged,
    EventPayload,
    Notice,
    QuestionAsked,
    RunError,
    RunEvent,
    RunFinished,
    RunStarted,
    RunStatus,
    StopReason,
    TextDelta,
    ToolFinished,
    ToolOutput,
    ToolStarted,
)
from inhouse.core.limits import stricter
from inhouse.core.redaction import knows_keys, redact, redact_value
from inhouse.core.request import RunRequest
from inhouse.loop import LoopResult, RunState, compact_now, run_agent
from inhouse.providers.chat.codebuff import backend_run
from inhouse.providers.network.egress import Egress
from inhouse.providers.network.traffic_log import TrafficLog, recording
from inhouse.tools.edit.private_proposals import RunProposals
from inhouse.tools.known_texts import KnownTexts

from .host_state import HostState
from .plan import plan_run
from .question_events import asking_for
from .record_writer import replay_of
from .reload import ask_for_trust
from .run_context import Listen, RunContext, RunOutcome, new_tree
from .run_model import verified
from .run_plan import Plan
from .run_recorder import RunRecorder
from .run_setup import loop_context, make_workspace

logger = logging.getLogger(__name__)
_SHOWN: Mapping[type[EventPayload], str] = {
    ToolStarted: "input",
    ToolFinished: "summary",
    ToolOutput: "text",
    EditChanged: "diff",
    QuestionAsked: "text",
    Notice: "message",
}
"""The fields of each payload that may hold a key; a model's text and results are clean already."""


async def run(
    host: HostState,
    plan: Plan,
    run_id: str,
    listen: Listen,
    above: RunContext | None = None,
    *,
    inline: bool = False,
) -> RunOutcome:
    """Run to the end; only `asyncio.CancelledError` is raised, after all events were emitted.

    *above* is the run that spawned this one; *inline* gives it that run's history.
    """
    recorder = RunRecorder(run_id, plan.request, plan.route, above.recorder if above else None)
    host.book.open(recorder)
    parent = above.recorder.run_id if above else None

    def emit(payload: EventPayload) -> None:
        if (shown := _SHOWN.get(type(payload))) is not None and knows_keys():
            payload = evolve(payload, **{shown: redact_value(getattr(payload, shown))})
        recorder.observe(payload)
        event = RunEvent(run_id, plan.agent.id, payload, parent)
        tree.turn.observe(event)
        listen(event)

    state = RunState(run_id=run_id)
    if above is None:
        tree = new_tree(host, plan, state, emit)
        known, proposals = host.book.known_texts(plan.request.session), RunProposals()
    elif inline:  # Within its parent's conversation.
        tree, known, proposals = above.tree, above.known, above.proposals
    else:
        inherits = plan.definition.include_message_history
        known = above.known.copy() if inherits else KnownTexts()
        tree, proposals = above.tree, above.proposals.child()
    run = RunContext(
        *(host, plan, state, recorder, tree, emit, listen, above.state if above else None),
        inline=inline,
        begin=_begin,
        known=known,
        proposals=proposals,
    )
    done: LoopResult | None = None
    with recording() as contacts, asking_for(emit):
        try:
            done = await _work(run)
            _complete(run, done)
        except asyncio.CancelledError:
            _stop(run, RunStatus.CANCELLED)
            raise
        except InhouseError as error:
            _stop(run, RunStatus.FAILED, RunError(error.code, redact(str(error))))
        except Exception as error:
            logger.exception("run %s broke", run_id)
            _stop(run, RunStatus.FAILED, _bug(error))
        finally:
            try:
                if above is None:
                    await tree.memory.aclose()
                elif not inline:
                    proposals.hand_up(above.proposals)
            finally:
                await _close(run, contacts)
    return RunOutcome(recorder.result(), done)


async def _begin(above: RunContext, plan: Plan, inline: bool) -> RunOutcome:  # noqa: FBT001
    run_id = above.host.book.new_run_id()
    return await run(above.host, plan, run_id, above.listen, above, inline=inline)


async def _work(run: RunContext) -> LoopResult:
    """Confirm the plan, open its connections, and run the agent."""
    host, plan = run.host, run.plan
    try:
        if run.is_turn:
            await run.tree.turn.open()
        if plan.needs_trust:
            plan = await _trusted(host, plan.request)
    except BaseException:
        run.emit(RunStarted(run.plan.route, run.plan.request.session))
        raise
    tree = run.tree
    door = _narrower(tree.egress, host.world.egress)
    async with (
        door.kept_open() as egress,
        backend_run(plan.endpoint, egress, plan.agent.id, tree.backend) as backend,
    ):
        try:
            plan = await verified(plan, egress)
        finally:
            run.emit(RunStarted(plan.route, plan.request.session))
        run = evolve(run, plan=plan, tree=evolve(tree, egress=egress, backend=backend))
        workspace = make_workspace(run)
        try:
            context = await loop_context(run, workspace)
            return await (compact_now if plan.request.compact else run_agent)(context)
        finally:
            if run.parent is None:
                await workspace.offer(run.emit)


def _narrower(above: Egress | None, now: Egress) -> Egress:
    """Choose a sub-agent's egress: its parent's, or the current one if that allows less."""
    if above is None or above is now:
        return now
    wider = stricter(above.policy.privacy, now.policy.privacy) is above.policy.privacy
    return above if wider else now


async def _trusted(host: HostState, request: RunRequest) -> Plan:
    """Ask for trust, and plan anew with it.  Raises `RefusedError` if it is not given."""
    await ask_for_trust(host)
    if not host.world.trusting.trusted:
        raise host.world.trusting.refusal()
    return plan_run(host, request)


def _complete(run: RunContext, done: LoopResult) -> None:
    if run.is_turn:
        run.tree.turn.listens = False
    if run.parent is None and done.output is not None and not done.text.strip():
        # Nobody would see it else: doors show what was said.
        value = json.dumps(redact_value(done.output), indent=2, ensure_ascii=False)
        run.emit(TextDelta(f"```json\n{value}\n```\n"))
    run.recorder.finish(
        RunStatus.COMPLETED,
        stop_reason=done.stop_reason,
        text=done.text,
        output=done.output,
        messages=done.messages,
    )


def _stop(run: RunContext, status: RunStatus, error: RunError | None = None) -> None:
    """Close the record of a run that did not complete; what was said is kept."""
    if run.is_turn:
        run.tree.turn.listens = False
    recorder, state = run.recorder, run.state
    recorder.finish(
        status,
        stop_reason=StopReason.CANCELLED if status is RunStatus.CANCELLED else None,
        output=state.output,
        error=error,
        messages=state.messages,
    )


async def _close(run: RunContext, contacts: TrafficLog) -> None:
    """Write the end of a run, then tell it: whoever hears of it finds all of it in the store."""
    run.recorder.contacted(tuple(contacts))
    try:
        if run.is_turn:
            await run.tree.turn.close(run.recorder.ended())
    finally:
        _tell_end(run)


def _tell_end(run: RunContext) -> None:
    run.recorder.tell_end()
    result, request = run.recorder.result(), run.plan.request
    if run.is_turn and run.tree.turn.number <= 1:
        request = evolve(request, session=None)  # Nothing was said before: it can be repeated.
    run.emit(RunFinished(result))
    if result.parent is None:  # A sub-agent's record is part of its parent's.
        host, settings = run.host, run.host.world.settings
        host.records.keep(
            result,
            replay_of(request, host.roots, host.client),
            workspace=host.main_root,
            privacy=settings.privacy,
            models={agent.id: agent.model for agent in host.world.catalog.all},
            most=settings.kept_transcripts,
            permissions=tuple(run.recorder.permissions),
        )


def _bug(error: Exception) -> RunError:
    return RunError(
        "internal",
        f"Inhouse had an internal error ({type(error).__name__}).  The server's log has the "
        "details; the text so far is kept.  Running it again may work.",
    )
