"""What a run has so far, and what it works with."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from attrs import define, evolve, field, frozen

from inhouse.core.definition import AgentDefinition
from inhouse.core.events import StopReason
from inhouse.core.limits import Limits
from inhouse.core.message_json import arguments_object
from inhouse.core.messages import (
    AssistantMessage,
    Image,
    Message,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from inhouse.core.ports import (
    Approver,
    Emit,
    Model,
    Prompt,
    StepContext,
    StepLog,
    Steps,
    Tool,
    ToolSpec,
)
from inhouse.core.unicode import clean_json, clean_text

CheckInput = Callable[[ToolSpec, str], Mapping[str, Any]]
"""Gives a call's input, repaired and checked.  Raises `ToolError`
(`inhouse.tools.input.check_input.check_input`)."""

CheckValue = Callable[[Mapping[str, Any], Any], str | None]
"""Tells what is wrong with a value of a schema; None: nothing
(`inhouse.tools.input.check_input.problem_with`)."""

Placeholders = Mapping[str, Callable[[], Awaitable[str]]]
"""Values for ``{CODEBUFF_…}`` in prompts, by name without braces; asked for only when needed."""

Steers = Callable[[bool], Awaitable[Sequence[str]]]
"""Gives what the user said while the run was at work, each text once.

Takes whether the turn ends where there is nothing: then nothing more may be said to it.
"""

AskNeed = Callable[[Prompt], Awaitable["Need | None"]]
"""Tells what a request needs and what the model's window holds; None where nobody can tell."""

StartSteps = Callable[[StepContext, Callable[[StepLog], None]], Awaitable[Steps]]
"""Starts a ``handleSteps`` generator."""


@define
class RunState:
    """Mutable: the host reads it also when the run fails or is cancelled."""

    run_id: str
    agent_id: str = ""
    """Codebuff's ``agentId``; the run's id unless told."""
    parent_id: str | None = None
    messages: tuple[Message, ...] = ()
    history: tuple[Message, ...] = ()
    """What was said before this run."""
    system: str = ""
    offered: tuple[ToolSpec, ...] = ()
    """The tools as the model sees them."""
    output: Any = None
    """What ``set_output`` left."""
    text: str = ""
    """The last assistant message that says anything, as far as it has come."""
    steps: int = 0
    initial_prompt: str = ""
    """What the user asked of the first agent of all."""
    subgoals: dict[str, dict[str, Any]] = field(factory=dict[str, dict[str, Any]])
    pictures: list[tuple[str, Image]] = field(factory=list[tuple[str, Image]], repr=False)
    """What tools gave for a model to look at, until all results of the answer are there."""
    parts: dict[str, tuple[dict[str, Any], ...]] = field(
        factory=dict[str, tuple[dict[str, Any], ...]], repr=False
    )
    """By the id of a call, its result as ``handleSteps`` gets it, where that is more than one."""
    call_ids: set[str] = field(factory=set[str], repr=False)

    def __attrs_post_init__(self) -> None:
        self.agent_id = self.agent_id or self.run_id

    def add(self, *messages: Message) -> None:
        """Append messages, fit for every server."""
        for message in messages:
            if isinstance(message, AssistantMessage):
                self.call_ids.update(call.id for call in message.tool_calls)
        self.messages = (*self.messages, *map(_clean, messages))

    def amend(self, call_id: str, arguments: str) -> None:
        """Give a call of the last answer the input that it was run with."""
        for at in range(len(self.messages) - 1, -1, -1):
            message = self.messages[at]
            if isinstance(message, AssistantMessage) and any(
                call.id == call_id for call in message.tool_calls
            ):
                calls = tuple(
                    evolve(call, arguments=arguments) if call.id == call_id else call
                    for call in message.tool_calls
                )
                amended = _clean(evolve(message, tool_calls=calls))
                self.messages = (*self.messages[:at], amended, *self.messages[at + 1 :])
                return


@frozen
class SmallModel:
    """How a small model, or one with a small window, is told what to do."""

    outline: str = ""
    """The files of the project: goes into the system prompt."""
    files: str = ""
    """What the prompt is about, as path and fence: goes behind it."""
    named: tuple[str, ...] = ()
    """The paths of files that the prompt names."""
    instructions_first: bool = False
    """The instructions are part of the system prompt, not of the conversation."""


@frozen
class LoopResult:
    """What came of a run that was neither cancelled nor failed."""

    text: str
    """The last assistant message."""
    output: Any
    """What ``set_output`` left."""
    stop_reason: StopReason
    messages: tuple[Message, ...] = field(repr=False)
    value: Mapping[str, Any] = field(repr=False)
    """What a parent gets, in Codebuff's shape: ``{type, value}``."""


@frozen
class Need:
    """What a request needs, in tokens."""

    needed: int
    window: int


@frozen
class LoopContext:
    """What the loop needs for one run."""

    model: Model
    definition: AgentDefinition
    tools: Mapping[str, Tool]
    """All that this run may use by their names, the model or ``handleSteps``; the model is
    offered those that the definition names."""
    check: CheckInput
    check_value: CheckValue
    limits: Limits
    state: RunState
    emit: Emit
    prompt: str | None = None
    params: Mapping[str, Any] | None = None
    images: tuple[Image, ...] = ()
    """Pictures that came with the prompt."""
    history: Sequence[Message] = ()
    start_steps: StartSteps | None = None
    """Starts the definition's ``handleSteps``."""
    placeholders: Placeholders = field(factory=dict[str, Callable[[], Awaitable[str]]])
    spawnable: tuple[AgentDefinition, ...] = ()
    approver: Approver | None = None
    parent: RunState | None = None
    """The state of the agent that spawned this one."""
    inline: bool = False
    small: SmallModel | None = None
    """How to tell a small model what to do; None: in Codebuff's order."""
    """It shares the history of its parent, and gives it back."""
    steers: Steers | None = None
    need: "AskNeed | None" = None
    compact_at: float = 0.8
    """The share of the model's window from which on a history is compacted."""
    idle_s: float | None = None
    """Seconds since the last turn of this conversation ended; None: there was none."""


def _clean(message: Message) -> Message:
    match message:
        case UserMessage(text):
            return evolve(message, text=clean_text(text))
        case AssistantMessage(text, calls, reasoning):
            return evolve(
                message,
                text=clean_text(text),
                tool_calls=tuple(map(_clean_call, calls)),
                reasoning=clean_text(reasoning),
            )
        case ToolMessage():
            return evolve(message, output=clean_json(message.output))
        case _:
            return evolve(message, text=clean_text(message.text))


def _clean_call(call: ToolCall) -> ToolCall:
    """Keep arguments that are a JSON object byte for byte; servers refuse any others."""
    arguments = clean_text(call.arguments) or "{}"
    if arguments_object(arguments) is None:
        arguments = json.dumps({"input": arguments})
    return evolve(call, arguments=arguments)
