"""The state of a run, and what the loop needs for it."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence

from attrs import define, evolve, field, frozen

from inhouse.core.definition import AgentDefinition
from inhouse.core.events import StopReason
from inhouse.core.json_values import Json
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
    Arguments,
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

CheckInput = Callable[[ToolSpec, str], Arguments]
"""Returns a call's input, repaired and checked.

Raises `ToolError` (`inhouse.tools.input.check_input.check_input`).
"""

CheckValue = Callable[[Mapping[str, object], object], str | None]
"""Says what is wrong with a value for a schema; None if nothing
(`inhouse.tools.input.check_input.problem_with`)."""

Placeholders = Mapping[str, Callable[[], Awaitable[str]]]
"""Values for ``{CODEBUFF_…}`` in prompts, by name without braces; asked for only when needed."""

Steers = Callable[[bool], Awaitable[Sequence[str]]]
"""Returns what the user said while the run was working, each text once.

Its argument says whether the turn ends if there is nothing, after which it accepts no more.
"""

AskNeed = Callable[[Prompt], Awaitable["Need | None"]]
"""Returns what a request needs and what the model's window holds; None if unknown."""

StartSteps = Callable[[StepContext, Callable[[StepLog], None]], Awaitable[Steps]]
"""Starts a ``handleSteps`` generator."""


@define
class RunState:
    """Mutable: the host reads it also when the run fails or is cancelled."""

    run_id: str
    parent_id: str | None = None
    messages: tuple[Message, ...] = ()
    history: tuple[Message, ...] = ()
    """What was said before this run."""
    system: str = ""
    offered: tuple[ToolSpec, ...] = ()
    """The tools that the model is offered."""
    output: object = None
    """What ``set_output`` left."""
    text: str = ""
    """The last assistant message with text, as far as it has been received."""
    steps: int = 0
    initial_prompt: str = ""
    """The user's prompt to the outermost agent."""
    subgoals: dict[str, Json] = field(factory=dict[str, Json])
    pictures: list[tuple[str, Image]] = field(factory=list[tuple[str, Image]], repr=False)
    """Pictures from tools, held until all results of the answer are there."""
    parts: dict[str, tuple[Json, ...]] = field(factory=dict[str, tuple[Json, ...]], repr=False)
    """By call id, the result parts that ``handleSteps`` gets, if there is more than one."""
    call_ids: set[str] = field(factory=set[str], repr=False)

    def add(self, *messages: Message) -> None:
        """Append messages, made acceptable to every server."""
        for message in messages:
            if isinstance(message, AssistantMessage):
                self.call_ids.update(call.id for call in message.tool_calls)
        self.messages = (*self.messages, *map(_clean, messages))

    def amend(self, call_id: str, arguments: str) -> None:
        """Replace a call's input in the last answer by the input it was run with."""
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
    """How a small model, or one with a small window, is instructed."""

    outline: str = ""
    """An outline of the project's files, for the system prompt."""
    files: str = ""
    """What the prompt is about, as path and fence: goes behind it."""
    named: tuple[str, ...] = ()
    """The paths of files that the prompt names."""
    instructions_first: bool = False
    """Whether the instructions go into the system prompt, not into the conversation."""


@frozen
class LoopResult:
    """The result of a run that was neither cancelled nor failed."""

    text: str
    """The last assistant message."""
    output: object
    """What ``set_output`` left."""
    stop_reason: StopReason
    messages: tuple[Message, ...] = field(repr=False)
    value: Mapping[str, object] = field(repr=False)
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
    """All tools by name that the model or ``handleSteps`` may use; the model is offered those
    that the definition names."""
    check: CheckInput
    check_value: CheckValue
    limits: Limits
    state: RunState
    emit: Emit
    prompt: str | None = None
    params: Mapping[str, object] | None = None
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
    """How to instruct a small model; None for Codebuff's order."""
    """Whether it shares its parent's history and returns it."""
    steers: Steers | None = None
    need: "AskNeed | None" = None
    compact_at: float = 0.8
    """The share of the model's window above which a history is compacted."""
    idle_s: float | None = None
    """Seconds since the last turn of this conversation ended; None if there was none."""


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
    """Keep arguments that are a JSON object unchanged; servers refuse all others."""
    arguments = clean_text(call.arguments) or "{}"
    if arguments_object(arguments) is None:
        arguments = json.dumps({"input": arguments})
    return evolve(call, arguments=arguments)
