"""Runs the tools that a model or ``handleSteps`` calls."""

import itertools
import json
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, cast

from attrs import define, evolve, field, frozen

from inhouse.core.agent_names import agent_tool_name
from inhouse.core.counts import count
from inhouse.core.definition import OutputMode
from inhouse.core.errors import InhouseError, ToolError
from inhouse.core.events import Notice, ToolFinished, ToolStarted
from inhouse.core.json_values import fields, items
from inhouse.core.message_json import arguments_object
from inhouse.core.messages import AssistantMessage, ToolCall, ToolMessage, ToolParts, UserMessage
from inhouse.core.ports import Question, Tool, ToolSpec
from inhouse.core.tool_names import tool_meant

from .history import holds_call
from .state import LoopContext
from .tool_errors import advised, for_model

MAX_CALLS = 100
"""How many calls of one answer are run."""

QUIET_TOOLS = frozenset(
    {
        "think_deeply",
        "set_output",
        "set_messages",
        "add_message",
        "add_subgoal",
        "update_subgoal",
        "create_plan",
        "suggest_followups",
        "task_completed",
    }
)
"""An answer that called only these needs no further answer."""
TOOL_MEDIA = "TOOL_MEDIA"
"""Tags pictures that come from tools."""
END_TOOLS = frozenset({"end_turn", "task_completed"})

ROUNDS = 3
"""After so many rounds of a circle the user is asked."""
LONGEST = 20
"""The longest circle that is looked for, in calls."""
_SUMMARY = 120
_STOP, _GO_ON = "Stop", "Let it continue"


@frozen
class Called:
    """A call and its result."""

    call: ToolCall
    result: ToolMessage


@define
class Repeats:
    """Detects repeated calls: A, A, A as well as A, B, A, B, A, B."""

    _last: deque[tuple[str, str]] = field(factory=lambda: deque[tuple[str, str]](maxlen=LONGEST))
    """The last calls of a run, as many as a circle can have."""
    _same: list[int] = field(factory=lambda: [0] * (LONGEST + 1))
    """For each circle length, how many calls in a row equal the call that many places before."""

    def add(self, call: ToolCall) -> tuple[str, ...] | None:
        """Add a call; return the tools of the circle that it completes for the third time."""
        arguments = arguments_object(call.arguments)
        written = json.dumps(arguments, sort_keys=True) if arguments else call.arguments
        shape = call.name, written
        for length in range(1, LONGEST + 1):
            same = length <= len(self._last) and self._last[-length] == shape
            self._same[length] = self._same[length] + 1 if same else 0
        self._last.append(shape)
        for length in range(1, LONGEST + 1):
            if self._same[length] >= length * (ROUNDS - 1):
                return tuple(name for name, _ in list(self._last)[-length:])
        return None

    def forget(self) -> None:
        """Start again, since the user let the run continue."""
        self._last.clear()
        self._same = [0] * (LONGEST + 1)


async def run_calls(
    run: LoopContext, calls: Sequence[ToolCall], allowed: Sequence[str], repeats: Repeats
) -> list[Called]:
    """Run the calls of one answer, one after the other, and add their results to the history."""
    done: list[Called] = []
    for index, call in enumerate(calls):
        if index >= MAX_CALLS:
            result = _failed(call, f"Not run: an answer may make {MAX_CALLS} calls at most.")
        else:
            if (circle := repeats.add(call)) is not None:
                await _ask_to_go_on(run, call, circle)
                repeats.forget()
            result = await run_call(run, call, allowed)
        run.state.parts.pop(call.id, None)  # for ``handleSteps`` alone
        add_result(run, call, result)
        done.append(Called(call, result))
    show_pictures(run)
    if len(calls) > MAX_CALLS:
        message = f"One answer made {len(calls)} calls; the first {MAX_CALLS} were run."
        run.emit(Notice("warning", "too_many_calls", message))
    return done


async def run_call(
    run: LoopContext, call: ToolCall, allowed: Sequence[str], *, by_script: bool = False
) -> ToolMessage:
    """Run one call.  What the model can fix becomes its result.

    A script passes a value, so nothing in it had to be guessed.
    """
    try:
        tool = find_tool(run, call.name, allowed)
        spec = evolve(tool.spec, exact=False) if by_script else tool.spec
        given = arguments_object(call.arguments)
        arranged = None if tool.arrange is None or given is None else tool.arrange(given)
        written = call.arguments if arranged is None else json.dumps(arranged, ensure_ascii=False)
        checked = run.check(spec, written)
    except ToolError as error:
        run.emit(ToolStarted(call.id, call.name, _as_written(call.arguments)))
        return _finish(run, _failed(call, advised(str(error), allowed, run.tools)))
    if given != checked:
        # The model sees its call as it was understood, for it repeats what it sees; and strict
        # servers see what the schema allows.
        run.state.amend(call.id, json.dumps(checked, ensure_ascii=False))
    run.emit(ToolStarted(call.id, tool.spec.name, checked))
    try:
        output = await tool.run(call.id, checked)
    except (ToolError, OSError, ValueError) as error:
        said = str(error) or type(error).__name__
        told = said if tool.is_foreign else advised(said, allowed, run.tools)
        return _finish(run, _failed(call, told))
    except BaseException:
        run.emit(ToolFinished(call.id, ok=False, summary="interrupted"))
        raise
    if isinstance(output, ToolParts):
        run.state.pictures += [(tool.spec.name, image) for image in output.images]
        run.state.parts[call.id] = output.parts
        output = output.value
    if not tool.is_foreign:
        output = for_model(output, allowed, run.tools)
    return _finish(run, ToolMessage(call.id, tool.spec.name, output, failed=_says_error(output)))


def add_result(run: LoopContext, call: ToolCall, result: ToolMessage) -> None:
    """Add a result, and its call too if the tool itself replaced the history."""
    if not holds_call(run.state.messages, call.id):
        run.state.add(AssistantMessage("", (call,)))
    run.state.add(result)


def show_pictures(run: LoopContext) -> None:
    """Add the pictures from tools after all results of an answer, as Codebuff does."""
    if run.state.pictures:
        names = ", ".join(dict.fromkeys(name for name, _ in run.state.pictures))
        images = tuple(image for _, image in run.state.pictures)
        run.state.pictures = []
        run.state.add(UserMessage(f"<system>Pictures of {names}:</system>", (TOOL_MEDIA,), images))


def must_be_read(run: LoopContext, name: str) -> bool:
    """Return whether the model must see a tool's result before it continues."""
    tool = run.tools.get(name)
    return tool is not None and tool.ends_step and name not in QUIET_TOOLS


def first_to_read(run: LoopContext, calls: Sequence[ToolCall]) -> tuple[ToolCall, ...]:
    """Drop the calls of a text after the first call whose result must be read.

    All were written before any result was seen.  Calls that only read may follow one another.
    """
    kept: list[ToolCall] = []
    reading = False
    allowed = allowed_names(run)
    for call in calls:
        name = tool_meant(call.name, allowed) or call.name
        tool = run.tools.get(name)
        reads = must_be_read(run, name) and tool is not None and not tool.writes
        if reading and not (reads and name not in END_TOOLS):
            break
        kept.append(call)
        reading = reading or must_be_read(run, name)
        if reading and not reads:
            break
    return tuple(kept)


def hands_on(run: LoopContext, name: str) -> bool:
    """Return whether a tool starts another agent, which may have changed something."""
    agents = map(agent_tool_name, run.definition.spawnable_agents)
    return name in ("spawn_agents", "spawn_agent_inline", *agents)


def find_tool(run: LoopContext, name: str, allowed: Sequence[str]) -> Tool:
    """Find the tool a model means.  Raises `ToolError`, which lists the available names."""
    usable = [tool for tool in allowed if tool in run.tools]
    if name in usable:
        return run.tools[name]
    for known in usable:
        if name in run.tools[known].also:
            return run.tools[known]
    if (meant := tool_meant(name, usable)) is not None:
        return run.tools[meant]
    known = ", ".join(usable) or "none"
    raise ToolError(f"No tool {name!r}.  Tools: {known}", code="unknown_tool")


def allowed_names(run: LoopContext) -> tuple[str, ...]:
    """Return the names of the tools that the model itself may call."""
    definition = run.definition
    agents = definition.spawnable_agents if "spawn_agents" in definition.tool_names else ()
    names = (*definition.tool_names, *map(agent_tool_name, agents))
    owes = definition.output_mode is OutputMode.STRUCTURED_OUTPUT and definition.output_schema
    if owes and definition.handle_steps is None:  # Also where the definition omits it.
        names += ("set_output",)
    return tuple(name for name in dict.fromkeys(names) if name in run.tools)


def agents_are_tools(run: LoopContext) -> bool:
    """Return whether a small model gets each agent it may spawn as a tool, and nothing else."""
    agents = set(map(agent_tool_name, run.definition.spawnable_agents))
    small = run.small is not None and run.small.instructions_first
    return bool(agents) and small and agents <= set(allowed_names(run))


def offered_specs(run: LoopContext) -> tuple[ToolSpec, ...]:
    names = allowed_names(run)
    if "spawn_agents" in names and agents_are_tools(run):
        names = tuple(name for name in names if name != "spawn_agents")
    tools = (run.tools[name] for name in names)
    return tuple(tool.spec for tool in tools if tool.offered)


def unique_ids(run: LoopContext, calls: Sequence[ToolCall]) -> tuple[ToolCall, ...]:
    """Give each call a unique id; servers send empty ones, and the same one twice."""
    return tuple(
        call if fresh == call.id else evolve(call, id=fresh, said_id=call.said_id or call.id)
        for call in calls
        for fresh in [_fresh_id(run, call.id)]
    )


def make_call(run: LoopContext, name: str, arguments: str) -> ToolCall:
    """Make a call that has no id from a server."""
    return ToolCall(_fresh_id(run, ""), name, arguments)


def _fresh_id(run: LoopContext, wanted: str) -> str:
    used = run.state.call_ids
    numbered = (f"call_{number}" for number in itertools.count(len(used)))
    fresh = next(one for one in itertools.chain([wanted], numbered) if one and one not in used)
    used.add(fresh)
    return fresh


async def _ask_to_go_on(run: LoopContext, call: ToolCall, circle: Sequence[str]) -> None:
    what = f"{', '.join(circle)} {ROUNDS} times in a row, each time with the same input"
    text = f"{run.definition.display_name} called {what}.  "
    question = Question(
        id=f"{run.state.run_id}-repeat-{call.id}",
        text=f"{text}Let it continue?",
        choices=(_STOP, _GO_ON),
        kind="repeat",
        safe=_STOP,
        detail=call.arguments,
    )
    answer = await run.approver.ask(question) if run.approver is not None else ()
    if _GO_ON not in answer:
        raise InhouseError(
            f"Stopped: {text}A larger model or a clearer prompt may help.",
            code="repeated_calls",
        )


def _failed(call: ToolCall, message: str) -> ToolMessage:
    return ToolMessage(call.id, call.name, {"errorMessage": message}, failed=True)


def _finish(run: LoopContext, result: ToolMessage) -> ToolMessage:
    # For the model a failed command is a result like any other; for the user it is a failure.
    problem = _problem_of_all(result.output)
    ok = not result.failed and not fields(result.output).get("exitCode") and problem is None
    run.emit(ToolFinished(result.call_id, ok, _summary(result.output, problem)))
    return result


def _as_written(arguments: str) -> object:
    value = arguments_object(arguments)
    return arguments if value is None else value


def _says_error(output: object) -> bool:
    return isinstance(output, dict) and "errorMessage" in cast("dict[str, Any]", output)


def _problem_of_all(output: object) -> str | None:
    """Return the first error, if every agent or every file of a call ended in one."""
    problems = [_problem(fields(each)) for each in items(output)]
    return str(problems[0]) if problems and all(problems) else None


def _problem(one: Mapping[str, Any]) -> object:
    unread = one.get("message") if "content" in one else None  # A marker is in its place.
    return fields(one.get("value")).get("errorMessage") or unread


def _summary(output: object, problem: str | None) -> str:
    text = output
    if isinstance(output, dict):
        members = cast("dict[str, Any]", output)
        said = members.get("errorMessage") or members.get("message")
        ended = members.get("exitCode")
        if isinstance(ended, int):
            said = f"exit {ended}.  {said}" if said else f"exit {ended}"
        text = said or ", ".join(members)
    elif (outputs := items(output)) or isinstance(output, list):
        text = problem or count(len(outputs), "item")
    line = next(iter(str(text).strip().splitlines()), "")
    return line if len(line) <= _SUMMARY else f"{line[: _SUMMARY - 1]}…"
