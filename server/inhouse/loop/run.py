"""READ THIS FIRST.  One run of one agent: ask the model, run its tools, repeat.

It is one coroutine that reports to an event sink: cancelling its task cancels the run, and what was
said so far stays in the `RunState`.
"""

from attrs import evolve

from inhouse.core.events import Notice, StopReason
from inhouse.core.message_json import PROJECT_FILES
from inhouse.core.messages import UserMessage
from inhouse.core.ports import StepContext

from .agent_state import AgentStates
from .history import answered, closed
from .programmatic import Finished, Generate, Script, generate
from .prompts import USER_PROMPT, filled, instructions, system_note, user_message
from .run_output import ask_for_output, missing_output, result_of
from .state import LoopContext, LoopResult, StartSteps
from .step import Stepper
from .tool_calls import offered_specs


async def run_agent(run: LoopContext) -> LoopResult:
    """Run an agent until its turn ends.

    Raises `InhouseError`; the run's state then has what was said.
    """
    if not run.limits.may_write:
        run = evolve(run, tools={n: tool for n, tool in run.tools.items() if not tool.writes})
    state, parent = run.state, run.parent
    script = None
    try:
        await _begin(run)
        if run.start_steps is not None:
            script = await _start_script(run, run.start_steps)
        stop_reason = await _turn(run, script)
    except BaseException:
        state.messages = closed(state.messages)
        raise
    finally:
        state.messages = answered(state.messages)
        if script is not None:
            await script.aclose()
    if parent is not None and run.inline:
        parent.messages = state.messages
    return result_of(run, stop_reason)


async def _begin(run: LoopContext) -> None:
    """Assemble the messages: history, the user's prompt, the instructions."""
    state, definition, parent = run.state, run.definition, run.parent
    history, state.initial_prompt = run.history, run.prompt or ""
    inherited = None
    if parent is not None:
        state.parent_id = parent.run_id
        state.initial_prompt = parent.initial_prompt
        inherited = parent if run.inline or definition.inherit_parent_system_prompt else None
        if run.inline:
            state.subgoals, state.call_ids = parent.subgoals, parent.call_ids
        if run.inline or definition.include_message_history:
            note = system_note(f"Sub-agent {definition.id} has been spawned.")
            history = (*answered(parent.messages), UserMessage(note, ("SUBAGENT_SPAWN",)))
    state.messages = ()
    state.add(*history)
    state.history = state.messages
    if (said := user_message(run.prompt, run.params, run.images)) is not None:
        state.add(said)
    if run.small is not None and run.small.files:
        state.add(UserMessage(run.small.files, (PROJECT_FILES,)))
    own = offered_specs(run)
    if inherited is None:
        state.system, state.offered = (await filled(run, definition.system_prompt)).strip(), own
    else:
        theirs = {spec.name for spec in inherited.offered}
        state.system = inherited.system
        state.offered = (*inherited.offered, *(spec for spec in own if spec.name not in theirs))
    told = await instructions(run, inherits=inherited is not None)
    if (small := run.small) is not None and inherited is None:
        first = told.text if told is not None and small.instructions_first else ""
        state.system = "\n\n".join(filter(None, (state.system, first, small.outline)))
        told = told if not first else None
    if told is not None:
        state.add(told)


async def _start_script(run: LoopContext, start: StartSteps) -> Script:
    states = AgentStates()
    context = StepContext(states.now(run), run.prompt or "", run.params, run.definition.model)
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
                message = f"The turn ended without the required output: {problem}."
                run.emit(Notice("warning", "no_output", message))
            else:
                ask_for_output(run, problem)
                asked_for_output, reason = True, None
        ends = reason is StopReason.END_TURN
        said = await run.steers(ends) if run.steers is not None else ()
        run.state.add(*(UserMessage(text, (USER_PROMPT,)) for text in said))
        if reason is not None and not (said and ends):
            return reason
        if run.state.steps >= run.limits.max_steps:
            run.emit(Notice("warning", "step_limit", f"Stopped after {run.state.steps} steps."))
            return StopReason.MAX_TURN_REQUESTS
        responses = await generate(run, move.count) if isinstance(move, Generate) else None
        if responses is None:
            reason = await stepper.take()
        run.state.steps += 1
