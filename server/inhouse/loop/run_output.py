"""What a run returns, and the one chance to supply a missing output."""

import json
from collections.abc import Mapping
from typing import Any, cast

from inhouse.core.definition import OutputMode
from inhouse.core.events import StopReason
from inhouse.core.message_json import messages_to_json
from inhouse.core.messages import AssistantMessage, Message, ToolMessage, UserMessage

from .prompts import system_note
from .state import LoopContext, LoopResult


def result_of(run: LoopContext, stop_reason: StopReason) -> LoopResult:
    state = run.state
    return LoopResult(state.text, state.output, stop_reason, state.messages, _value(run))


def missing_output(run: LoopContext) -> str | None:
    """Say what is wrong with the output; None if it is there or not needed.

    An output that the model wrote as text is accepted.
    """
    definition, state = run.definition, run.state
    schema = definition.output_schema
    if definition.output_mode is not OutputMode.STRUCTURED_OUTPUT or not schema:
        return None
    if state.output is not None:
        return None
    said = _json_in(state.text)
    problem = "none was given" if said is None else run.check_value(schema, said)
    if problem is None:
        state.output = said
    return problem


def ask_for_output(run: LoopContext, problem: str) -> None:
    """Ask once more for an output that is missing."""
    note = f"Your output is still missing ({problem}).  Call set_output with a result that fits "
    run.state.add(UserMessage(system_note(note + "the output schema, then end your turn.")))


def _value(run: LoopContext) -> Mapping[str, Any]:
    """Return the value that a parent gets, in Codebuff's shape."""
    state = run.state
    match run.definition.output_mode:
        case OutputMode.STRUCTURED_OUTPUT:
            return {"type": "structuredOutput", "value": state.output}
        case OutputMode.ALL_MESSAGES:
            own = _own(state.messages, state.history)
            return {"type": "allMessages", "value": messages_to_json(own)}
        case OutputMode.LAST_MESSAGE:
            last = _last_turn(state.messages)
            if not last:
                return {"type": "error", "message": "No response from agent"}
            return {"type": "lastMessage", "value": messages_to_json(last)}


def _own(messages: tuple[Message, ...], history: tuple[Message, ...]) -> tuple[Message, ...]:
    """Leave out the earlier history, unless it was replaced in the meantime."""
    return messages[len(history) :] if messages[: len(history)] == history else messages


def _last_turn(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Return the last consecutive assistant messages, with their results."""
    end = len(messages)
    while end and not isinstance(messages[end - 1], (AssistantMessage, ToolMessage)):
        end -= 1
    tail_end = end
    while end and isinstance(messages[end - 1], ToolMessage):
        end -= 1
    start = end
    while start and isinstance(messages[start - 1], AssistantMessage):
        start -= 1
    return messages[start:tail_end]


def _json_in(text: str) -> object:
    """Return the JSON object that a text is or ends with a block of, else None."""
    body = text.strip()
    if body.endswith("```"):
        body = body.removesuffix("```").rpartition("```")[2].removeprefix("json")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None
