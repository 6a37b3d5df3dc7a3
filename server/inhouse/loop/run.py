"""READ THIS FIRST.  One run of one agent: ask the model, run its tools, repeat.

It is one coroutine that reports to a sink: cancelling its task cancels the run, and what was
said until then stays in the `RunState`.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from inhouse.core.definition import AgentDefinition
from inhouse.core.events import Notice, StopReason
from inhouse.core.limits import Limits
from inhouse.core.messages import Message, UserMessage
from inhouse.core.ports import Approver, Emit, Model, StepContext, Tool

from .agent_state import AgentStates
from .history import answered
from .programmatic import Finished, Generate, Script, generate
from .prompts import filled, instructions, system_note, user_message
from .run_output import ask_for_output, missing_output, result_of
from .state import (
    CheckInput,
    CheckValue,
    LoopContext,
    LoopResult,
    Placeholders,
    RunState,
    StartSteps,
)
from .step import Stepper
from .tool_calls import offered_specs

_NO_PLACEHOLDERS: Placeholders = MappingProxyType({})


async def run_agent(
    *,
    model: Model,
    definition: AgentDefinition,
    tools: Sequence[Tool],
    check: CheckInput,
    check_value: CheckValue,
    limits: Limits,
    state: RunState,
    emit: Emit,
    prompt: str | None = None,
    params: Mapping[str, Any] | None = None,
    history: Sequence[Message] = (),
    steps: StartSteps | None = None,
    placeholders: Placeholders = _NO_PLACEHOLDERS,
    spawnable: Iterable[AgentDefinition] = (),
    approver: Approver | None = None,
    parent: RunState | None = None,
    inline: bool = False,
) -> LoopResult:
    """Run an agent until its turn ends.

    *tools* are all that this run may use; the model is offered those that the definition names.
    *parent* is the state of the agent that spawned this one; *inline* shares its history, and
    gives it back.  *steps* starts the definition's ``handleSteps``.
    Raises `InhouseError`; *state* then has what was said.
    """
    usable = {tool.spec.name: tool for tool in tools if limits.may_write or not tool.writes}
    run = LoopContext(
        model,
        definition,
        usable,
        check,
        check_value,
        limits,
        state,
        emit,
        placeholders,
        tuple(spawnable),
        approver,
    )
    script = None
    try:
        await _begin(run, prompt, params, history, parent, inline=inline)
        if steps is not None:
            script = await _start_script(run, steps, prompt, params)
        stop_reason = await _turn(run, script)
    finally:
        state.messages = answered(state.messages)
        if script is not None:
            await script.aclose()
    if parent is not None and inline:
        parent.messages = state.messages
    return result_of(run, stop_reason)


async def _begin(
    run: LoopContext,
    prompt: str | None,
    params: Mapping[str, Any] | None,
    history: Sequence[Message],
    parent: RunState | None,
    *,
    inline: bool,
) -> None:
    """Put the messages together: history, the user's prompt, the instructions."""
    state, definition = run.state, run.definition
    state.initial_prompt = prompt or ""
    inherited = None
    if parent is not None:
        state.parent_id = parent.agent_id
        state.initial_prompt = parent.initial_prompt
        inherited = parent if inline or definition.inherit_parent_system_prompt else None
        if inline:
            state.subgoals, state.call_ids = parent.subgoals, parent.call_ids
        if inline or definition.include_message_history:
            note = system_note(f"Sub-agent {definition.id} has been spawned.")
            history = (*answered(parent.messages), UserMessage(note, ("SUBAGENT_SPAWN",)))
    state.messages = ()
    state.add(*history)
    state.history = state.messages
    if (said := user_message(prompt, params)) is not None:
        state.add(said)
    own = offered_specs(run)
    if inherited is None:
        state.system, state.offered = (await filled(run, definition.system_prompt)).strip(), own
    else:
        theirs = {spec.name for spec in inherited.offered}
        state.system = inherited.system
        state.offered = (*inherited.offered, *(spec for spec in own if spec.name not in theirs))
    if (told := await instructions(run, inherits=inherited is not None)) is not None:
        state.add(told)


async def _start_script(
    run: LoopContext, start: StartSteps, prompt: str | None, params: Mapping[str, Any] | None
) -> Script:
    states = AgentStates()
    context = StepContext(states.now(run), prompt, params or {}, run.definition.model)
    script = Script(run, states)
    script.steps = await start(context, script.log)
    return script


async def _turn(run: LoopContext, script: Script | None) -> StopReason:
    """Take steps until the turn ends, led by ``handleSteps`` where there is one."""
    stepper = Stepper(run)
    reason: StopReason | None = None
    responses: list[str] | None = None
    asked_for_output = False
    while True:
        move = None
        if script is not None and script.decides(ended=reason is not None):
            move = await script.next(steps_complete=reason is not None, responses=responses)
            if isinstance(move, Finished):
                reason, script = reason or StopReason.END_TURN, None
            else:
                reason = None
        if reason is StopReason.END_TURN and (problem := missing_output(run)) is not None:
            if asked_for_output:
                message = f"The turn ended without the output that is wanted: {problem}."
                run.emit(Notice("warning", "no_output", message))
            else:
                ask_for_output(run, problem)
                asked_for_output, reason = True, None
        if reason is not None:
            return reason
        if run.state.steps >= run.limits.max_steps:
            run.emit(Notice("warning", "step_limit", f"Stopped after {run.state.steps} steps."))
            return StopReason.MAX_TURN_REQUESTS
        responses = await generate(run, move.count) if isinstance(move, Generate) else None
        if responses is None:
            reason = await stepper.take()
        run.state.steps += 1
