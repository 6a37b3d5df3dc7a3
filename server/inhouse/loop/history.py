"""A history that every server accepts: each call is followed directly by its result."""

from collections.abc import Iterator, Sequence

from attrs import evolve

from inhouse.core.message_json import STEP_PROMPT
from inhouse.core.messages import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolMessage,
    UserMessage,
)

CONTINUED = "CONTINUED"
"""Tags our request to continue, which stays only for the run."""


def repaired(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Drop calls without results and results without calls; move each result behind its call.

    Otherwise strict servers answer every later request with 400.
    """
    if _is_whole(messages):
        return tuple(messages)
    return tuple(_repair(messages, _owners(messages)))


def _is_whole(messages: Sequence[Message]) -> bool:
    """Return whether nothing needs repair; runs on the whole history at each step."""
    waiting: list[str] = []  # Calls without a result so far, the next one last.
    for message in messages:
        if isinstance(message, ToolMessage):
            if not waiting or waiting.pop() != message.call_id:
                return False
        elif waiting:
            return False
        elif isinstance(message, AssistantMessage):
            waiting = [call.id for call in message.tool_calls]
            if len(waiting) > 1:
                if len(set(waiting)) < len(waiting):
                    return False
                waiting.reverse()
            elif not waiting and message == _NOTHING:
                return False
    return not waiting


def answered(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Return the history that another agent may see: repaired, without prompts of a step."""
    return repaired([message for message in messages if not is_step_prompt(message)])


def joined(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Join adjacent messages of one role, as Codebuff does: many servers want roles to alternate.

    Messages with other tags (the user's prompt, the instructions) stay apart.
    """
    result: list[Message] = []
    for message in messages:
        may_join = result and type(message) is type(result[-1]) is not ToolMessage
        whole = _joined(result[-1], message) if may_join else None
        if whole is None:
            result.append(message)
        else:
            result[-1] = whole
    return tuple(result)


def _joined(one: Message, other: Message) -> Message | None:
    match one, other:
        case UserMessage(), UserMessage() if one.tags == other.tags:
            text = "\n\n".join(filter(None, (one.text, other.text)))
            return evolve(one, text=text, images=(*one.images, *other.images))
        case AssistantMessage(), AssistantMessage() if not one.tool_calls and not one.reasoning:
            return evolve(other, text=one.text + other.text)
        case SystemMessage(), SystemMessage():
            return SystemMessage(f"{one.text}\n\n{other.text}")
        case _:
            return None


def closed(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Give each call without a result one that says so, for whoever continues."""
    owners = _owners(messages)
    added = list(messages)
    for index, message in enumerate(messages):
        if isinstance(message, AssistantMessage):
            added += [
                ToolMessage(call.id, call.name, {"errorMessage": _INTERRUPTED}, failed=True)
                for place, call in enumerate(message.tool_calls)
                if (index, place) not in owners
            ]
    return repaired(added)


_INTERRUPTED = "Interrupted before it gave a result.  It may have had effects all the same."


def is_step_prompt(message: Message) -> bool:
    return isinstance(message, UserMessage) and not {STEP_PROMPT, CONTINUED}.isdisjoint(
        message.tags
    )


def holds_call(messages: Sequence[Message], call_id: str) -> bool:
    """Return whether some assistant message made this call."""
    return any(
        call.id == call_id
        for message in reversed(messages)
        if isinstance(message, AssistantMessage)
        for call in message.tool_calls
    )


_Owners = dict[tuple[int, int], ToolMessage]
"""(index of the assistant message, index of the call in it) → its result."""


def _owners(messages: Sequence[Message]) -> _Owners:
    """Find each call's result: the first later one with its id that belongs to no other call."""
    waiting: dict[str, tuple[int, int]] = {}
    owners: _Owners = {}
    for index, message in enumerate(messages):
        if isinstance(message, AssistantMessage):
            for place, call in enumerate(message.tool_calls):
                waiting[call.id] = (index, place)
        elif isinstance(message, ToolMessage):
            owner = waiting.pop(message.call_id, None)
            if owner is not None:
                owners[owner] = message
    return owners


def _repair(messages: Sequence[Message], owners: _Owners) -> Iterator[Message]:
    for index, message in enumerate(messages):
        if isinstance(message, ToolMessage):
            continue
        if not isinstance(message, AssistantMessage) or not message.tool_calls:
            if message != _NOTHING:
                yield message
            continue
        kept = [
            (call, owners[index, place])
            for place, call in enumerate(message.tool_calls)
            if (index, place) in owners
        ]
        if len(kept) == len(message.tool_calls):
            yield message
        elif kept or message.text or message.reasoning:
            yield evolve(message, tool_calls=tuple(call for call, _ in kept))
        yield from (result for _, result in kept)


_NOTHING = AssistantMessage("")
