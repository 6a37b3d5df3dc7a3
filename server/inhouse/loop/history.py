"""History that every server accepts: each call has its result, right behind it."""

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
"""Tags our request to go on: it stays for the run, and no longer."""


def repaired(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Drop calls without a result and results without a call; put each result behind its call.

    Strict servers answer 400 for ever after otherwise.
    """
    if _is_whole(messages):
        return tuple(messages)
    return tuple(_repair(messages, _owners(messages)))


def _is_whole(messages: Sequence[Message]) -> bool:
    """Tell whether there is nothing to repair: asked of the whole history at each step."""
    waiting: list[str] = []  # Calls without a result so far, the next one at the end.
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
    """Give the history that another agent may see: repaired, without prompts of a step."""
    return repaired([message for message in messages if not is_step_prompt(message)])


def joined(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Join neighbours of one role, as Codebuff sends them: many servers want roles in turn.

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
    """Give each call that has no result one that says so: whoever goes on should know of it."""
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
    """Tell whether some assistant message made this call."""
    return any(
        call.id == call_id
        for message in reversed(messages)
        if isinstance(message, AssistantMessage)
        for call in message.tool_calls
    )


_Owners = dict[tuple[int, int], ToolMessage]
"""(index of the assistant message, index of the call in it) → its result."""


def _owners(messages: Sequence[Message]) -> _Owners:
    """Find each call's result: the first later one with its id that no other call took."""
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
