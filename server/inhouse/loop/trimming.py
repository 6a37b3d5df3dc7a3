"""Makes a prompt fit: old tool results are shortened before anything said is touched."""

import json
from collections.abc import Callable, Sequence

from attrs import evolve

from inhouse.core.errors import ContextOverflowError
from inhouse.core.messages import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolMessage,
    UserMessage,
)

from .state import RunState

Count = Callable[[Message], int]
"""Estimates a message's tokens."""

_KEPT_CHARACTERS = 400
"""How much of a shortened result stays: enough to know what it was."""
_MARGIN = 0.9
_CHARACTERS_PER_TOKEN = 4
_PER_MESSAGE = 4
_PER_IMAGE = 1_000


def trim(messages: Sequence[Message], budget: int, count: Count) -> tuple[Message, ...]:
    """Shorten tool results, oldest first, until the messages need at most *budget* tokens.

    The newest result is shortened last.  Nothing else changes, and the prompt may still be too
    long.
    """
    kept = list(messages)
    needed = sum(map(count, kept))
    for index, message in enumerate(kept):
        if needed <= budget:
            break
        if isinstance(message, ToolMessage):
            short = _shortened(message)
            needed += count(short) - count(message)
            kept[index] = short
    return tuple(kept)


def estimate(message: Message) -> int:
    """Estimate a message's tokens from its length."""
    match message:
        case UserMessage(text):
            length = len(text) + len(message.images) * _PER_IMAGE * _CHARACTERS_PER_TOKEN
        case SystemMessage(text):
            length = len(text)
        case AssistantMessage(text, calls, reasoning, origin):
            length = len(text) + sum(len(call.name) + len(call.arguments) for call in calls)
            if origin is not None and origin.thoughts and calls:
                length += len(reasoning)  # sent back with the calls
        case ToolMessage():
            length = _length(message.output)
    return _PER_MESSAGE + length // _CHARACTERS_PER_TOKEN


def trimmed_after(error: ContextOverflowError, state: RunState) -> tuple[Message, ...] | None:
    """Trim a run's messages for the window that the error names; None if that does not help."""
    if not error.needed or not error.window:
        return None
    now = sum(map(estimate, state.messages))
    surplus = (error.needed - error.window * _MARGIN) * now / error.needed
    trimmed = trim(state.messages, int(now - surplus), estimate)
    return None if trimmed == state.messages else trimmed


def _shortened(message: ToolMessage) -> ToolMessage:
    text = message.output if isinstance(message.output, str) else _dumped(message.output)
    if len(text) <= _KEPT_CHARACTERS * 2:
        return message
    note = f"[shortened: {len(text)} characters in all.  Call {message.tool} again to see them]"
    return evolve(message, output=f"{text[:_KEPT_CHARACTERS]} … {note}")


def _length(output: object) -> int:
    return len(output) if isinstance(output, str) else len(_dumped(output))


def _dumped(output: object) -> str:
    return json.dumps(output, ensure_ascii=False, default=str)
