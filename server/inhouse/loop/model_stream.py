"""One answer of a model: what it streams is emitted and kept, however the stream ends."""

from attrs import define, field, frozen

from inhouse.core.errors import ProviderError
from inhouse.core.events import (
    Answered,
    ModelChunk,
    Notice,
    ReasoningDelta,
    TextDelta,
    ThoughtSoFar,
    ToolCallReady,
    UsageReported,
)
from inhouse.core.messages import AssistantMessage, Origin, ToolCall
from inhouse.core.ports import Prompt

from .state import LoopContext

MAX_CALLS_READ = 1_000
"""Calls beyond this number in one answer are not even read."""


@frozen
class ModelAnswer:
    text: str
    reasoning: str
    calls: tuple[ToolCall, ...]
    finish_reason: str
    in_text: bool = False
    unread: str = ""
    form: str = ""
    origin: Origin | None = None
    native_reason: str = ""


@define
class _Draft:
    text: list[str] = field(factory=list[str])
    reasoning: list[str] = field(factory=list[str])
    calls: list[ToolCall] = field(factory=list[ToolCall])
    finish_reason: str | None = None
    answered: Answered | None = None


async def plain_answer(run: LoopContext, prompt: Prompt) -> str:
    """Ask for an answer that is neither shown nor added to the history."""
    draft = _Draft()
    async with run.model.stream(prompt) as batches:
        async for chunks in batches:
            for chunk in chunks:
                if isinstance(chunk, (UsageReported, Notice)):
                    run.emit(chunk)
                else:
                    _take(draft, chunk)
    return "".join(_finished(draft).text)


async def ask(run: LoopContext, prompt: Prompt) -> ModelAnswer:
    draft = _Draft()
    try:
        async with run.model.stream(prompt) as batches:
            async for chunks in batches:
                for chunk in chunks:
                    if type(chunk) is TextDelta:  # nearly every chunk
                        draft.text.append(chunk.text)
                        run.emit(chunk)
                        continue
                    _take(draft, chunk)
                    if not isinstance(chunk, (ToolCallReady, Answered)):
                        run.emit(chunk)
        return _finished(draft)
    except BaseException:
        _keep_partial(run, draft)
        raise
    finally:
        if draft.text:
            run.state.text = "".join(draft.text)


def _take(draft: _Draft, chunk: ModelChunk) -> None:
    match chunk:
        case TextDelta(text):
            draft.text.append(text)
        case ReasoningDelta(text):
            draft.reasoning.append(text)
        case ThoughtSoFar():
            draft.reasoning += draft.text
            draft.text = []
        case ToolCallReady(call):
            if len(draft.calls) < MAX_CALLS_READ:
                draft.calls.append(call)
        case Answered(finish_reason):
            draft.finish_reason, draft.answered = finish_reason, chunk
        case UsageReported() | Notice():
            pass


def _finished(draft: _Draft) -> ModelAnswer:
    answered = draft.answered
    if draft.finish_reason is None or answered is None:
        raise ProviderError(
            "The answer ended early, without a finish reason.  Run the agent again.",
            code="incomplete",
        )
    return ModelAnswer(
        "".join(draft.text),
        "".join(draft.reasoning),
        tuple(draft.calls),
        draft.finish_reason,
        answered.in_text,
        answered.unread,
        answered.form,
        answered.origin,
        answered.native_reason,
    )


def _keep_partial(run: LoopContext, draft: _Draft) -> None:
    if draft.text or draft.reasoning:
        said = AssistantMessage("".join(draft.text), (), "".join(draft.reasoning))
        run.state.add(said)
