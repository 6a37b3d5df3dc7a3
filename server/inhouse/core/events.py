"""Events: everything that a run reports to whoever is watching."""

from collections.abc import Mapping
from enum import StrEnum

from attrs import field, frozen

from .messages import Message, Origin, ToolCall
from .route import Route


class RunStatus(StrEnum):
    RUNNING = "running"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"


class StopReason(StrEnum):
    """The Agent Client Protocol's words, so that an ACP door needs no translation table."""

    END_TURN = "end_turn"
    MAX_TOKENS = "max_tokens"
    MAX_TURN_REQUESTS = "max_turn_requests"
    REFUSAL = "refusal"
    CANCELLED = "cancelled"


class EditState(StrEnum):
    PROPOSED = "proposed"
    APPLIED = "applied"
    REJECTED = "rejected"


# What a model sends.


@frozen
class TextDelta:
    text: str
    pieces: int = field(default=1, eq=False)
    """How many pieces of the model's answer it holds: one read's pieces make one event."""


@frozen
class ReasoningDelta:
    text: str
    pieces: int = field(default=1, eq=False)


@frozen
class ThoughtSoFar:
    """The text so far was thinking; only its end was marked."""


@frozen
class ToolCallReady:
    call: ToolCall


@frozen
class UsageReported:
    """Tokens and cost of one answer of a model."""

    input_tokens: int
    """All of them, cached ones included."""
    output_tokens: int
    """Thinking included."""
    cost_usd: float | None = None
    """None if unknown."""
    context_window: int | None = None
    """Tokens that the model's window holds; None if unknown."""
    cached_tokens: int = 0
    """Input tokens read from the server's cache."""
    cache_write_tokens: int = 0
    """Input tokens written to the server's cache."""


REPETITION = "repetition"
"""Our own finish reason: the answer was cut because it kept repeating itself."""


@frozen
class Answered:
    """The model has finished one answer."""

    finish_reason: str
    """One of OpenAI's: ``stop``, ``length``, ``tool_calls``, ``content_filter``."""
    model: str | None = None
    """The model that says it answered."""
    in_text: bool = False
    """The calls were in its text, so it wrote all of them before it saw any result."""
    unread: str = ""
    """What looks like a call but cannot be read as one, worded for the model."""
    form: str = ""
    """How to write a call here, for a model that made none."""
    origin: Origin | None = None
    """Who said it, if parts of it may go back to nobody else."""
    native_reason: str = ""
    """Why the model finished, in its host's own words (``native_finish_reason``)."""
    unparsed: bool = False
    """Its host could not parse it, so it may break off anywhere."""


@frozen
class Notice:
    level: str
    """``info`` or ``warning``."""
    code: str
    message: str


ModelChunk = (
    TextDelta | ReasoningDelta | ThoughtSoFar | ToolCallReady | UsageReported | Answered | Notice
)

# What a run reports.


@frozen
class RunStarted:
    route: Route
    session: str | None = None
    """None for a sub-agent's run."""


@frozen
class ToolStarted:
    call_id: str
    tool: str
    input: object


@frozen
class ToolOutput:
    """A tool's live output, for progress and transcript; not on the wire."""

    call_id: str
    text: str


@frozen
class ToolFinished:
    call_id: str
    ok: bool
    summary: str
    """One line."""


@frozen
class EditChanged:
    uri: str
    state: EditState
    diff: str


@frozen
class QuestionAsked:
    question_id: str
    text: str
    choices: tuple[str, ...]
    detail: str = ""
    """What the text is about, complete: a command, a host."""
    safe: str = ""
    """The choice that changes nothing, if others do."""
    multiple: bool = False


@frozen
class Steered:
    """What the user said while a turn runs."""

    text: str
    state: str
    """``queued``, ``delivered`` (the model gets it with its next step) or ``withdrawn``."""


@frozen
class PermissionAnswered:
    """What the user chose about something harmful; kept in the record of the run."""

    kind: str
    """The question's kind: ``command``, ``trust``, ``host``, ``edit``, …"""
    answer: str
    """The choice, never a text; empty if nobody answered."""


@frozen
class EndpointUsage:
    """What one endpoint did for a run."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    requests: int = 0
    cached_tokens: int = 0
    """Input tokens read from a cache."""
    cache_write_tokens: int = 0
    """Input tokens written to a cache."""


@frozen
class Usage:
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    by_endpoint: Mapping[str, EndpointUsage] = field(factory=dict[str, EndpointUsage])
    by_agent: Mapping[str, EndpointUsage] = field(factory=dict[str, EndpointUsage])
    cached_tokens: int = 0
    cache_write_tokens: int = 0


@frozen
class Contact:
    """One host that a run talked to."""

    host: str
    """As requested, with its port."""
    address: str
    """The address connected to."""
    local: bool
    bytes_sent: int
    bytes_received: int
    model: str | None = None
    """The model that answered."""
    endpoint: str = ""


@frozen
class EditSummary:
    uri: str
    state: EditState


@frozen
class RunError:
    code: str
    message: str


@frozen
class RunResult:
    run_id: str
    agent: str
    route: Route
    status: RunStatus
    text: str
    """The last assistant message."""
    usage: Usage
    started_at: str
    """ISO 8601, UTC."""
    duration_ms: int
    first_token_ms: int | None
    stop_reason: StopReason | None = None
    output: object = None
    """The value given to ``set_output``."""
    edits: tuple[EditSummary, ...] = ()
    error: RunError | None = None
    contacts: tuple[Contact, ...] = ()
    prompt: str = ""
    parent: str | None = None
    session: str | None = None
    """None for a sub-agent's run."""
    messages: tuple[Message, ...] = field(default=(), repr=False)
    """The history at the end; never on the wire."""


@frozen
class RunFinished:
    result: RunResult


EventPayload = (
    RunStarted
    | TextDelta
    | ReasoningDelta
    | ThoughtSoFar
    | ToolStarted
    | ToolOutput
    | ToolFinished
    | EditChanged
    | QuestionAsked
    | PermissionAnswered
    | UsageReported
    | Notice
    | Steered
    | RunFinished
)


@frozen
class RunEvent:
    """What happened, in which run.  A sub-agent's run has a parent."""

    run_id: str
    agent: str
    payload: EventPayload
    parent: str | None = None
