"""A prompt in the words of Chat Completions, mended so that no server refuses it."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from inhouse.core.messages import (
    AssistantMessage,
    Image,
    Message,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from inhouse.core.ports import Prompt, ToolSpec

_SURROGATE = re.compile("[\ud800-\udfff]")


def chat_messages(prompt: Prompt) -> list[dict[str, Any]]:
    """Return the whole conversation, system prompt first."""
    messages = [_message(message) for message in mended(prompt.messages)]
    if prompt.system:
        messages.insert(0, {"role": "system", "content": clean(prompt.system)})
    return messages


def chat_tools(tools: Iterable[ToolSpec]) -> list[dict[str, Any]]:
    return [{"type": "function", "function": tool_function(tool)} for tool in tools]


def tool_function(tool: ToolSpec) -> dict[str, Any]:
    return {
        "name": tool.name,
        "description": clean(tool.description),
        "parameters": plain(tool.parameters),
    }


def mended(messages: Iterable[Message]) -> list[Message]:
    """Drop calls without a result and results without a call; give every call an id of its own.

    Strict servers answer 400 for ever after otherwise.
    """
    mended: list[Message] = []
    pending = list(messages)
    used: set[str] = set()
    for index, message in enumerate(pending):
        match message:
            case AssistantMessage():
                mended.extend(_with_results(message, _results_after(pending, index), used))
            case ToolMessage():
                continue  # taken along with the call it belongs to
            case SystemMessage() | UserMessage():
                mended.append(message)
    return mended


def clean(text: str) -> str:
    """Replace lone surrogates, which no JSON of a strict server may hold."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def plain(value: Any) -> Any:
    """Return a JSON value with plain dicts, lists and clean texts, whatever it was built of."""
    match value:
        case str():
            return clean(value)
        case Mapping():
            return {clean(str(key)): plain(one) for key, one in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        case list() | tuple():
            return [plain(one) for one in value]  # pyright: ignore[reportUnknownVariableType]
        case _:
            return value


def output_text(message: ToolMessage) -> str:
    """Return what a tool gave back, as the text a model reads."""
    if isinstance(message.output, str):
        return clean(message.output)
    return json.dumps(plain(message.output), ensure_ascii=False, default=str)


def arguments_text(call: ToolCall) -> str:
    """Return a call's arguments as valid JSON of an object: templates fail on anything else."""
    try:
        value = json.loads(call.arguments or "{}")
    except ValueError:
        return json.dumps({"invalid_json": clean(call.arguments)})
    if not isinstance(value, dict):
        return json.dumps({"value": plain(value)})
    return clean(call.arguments) if call.arguments else "{}"


def _results_after(messages: list[Message], index: int) -> list[ToolMessage]:
    """Return the results that follow an answer, up to the next answer."""
    results: list[ToolMessage] = []
    for message in messages[index + 1 :]:
        if isinstance(message, AssistantMessage):
            break
        if isinstance(message, ToolMessage):
            results.append(message)
    return results


def _with_results(
    message: AssistantMessage, results: list[ToolMessage], used: set[str]
) -> list[Message]:
    calls: list[ToolCall] = []
    answers: list[ToolMessage] = []
    for call in message.tool_calls:
        result = next((one for one in results if one.call_id == call.id), None)
        if result is None:
            continue
        results.remove(result)
        identifier = _fresh(call.id, used)
        calls.append(ToolCall(identifier, call.name, call.arguments))
        answers.append(ToolMessage(identifier, call.name, result.output, result.failed))
    if not calls and not message.text:
        return []
    return [AssistantMessage(message.text, tuple(calls), message.reasoning), *answers]


def _fresh(identifier: str, used: set[str]) -> str:
    """Return an id that no earlier call has: some servers begin again with ``call_0`` each turn."""
    wanted = identifier or "call"
    fresh, number = wanted, 1
    while fresh in used:
        number += 1
        fresh = f"{wanted}_{number}"
    used.add(fresh)
    return fresh


def _message(message: Message) -> dict[str, Any]:
    match message:
        case SystemMessage(text):
            return {"role": "system", "content": clean(text)}
        case UserMessage(text):
            return {"role": "user", "content": _user_content(clean(text), message.images)}
        case ToolMessage(call_id):
            return {"role": "tool", "tool_call_id": call_id, "content": output_text(message)}
        case AssistantMessage(text, calls):
            said: dict[str, Any] = {"role": "assistant", "content": clean(text)}
            if calls:
                said["tool_calls"] = [_call(call) for call in calls]
            return said


def _user_content(text: str, images: tuple[Image, ...]) -> str | list[dict[str, Any]]:
    """Return plain text, or parts where there are pictures.

    One that is elsewhere is only named: the server would fetch it, past all that guards the run.
    """
    pictures = [image.data_url for image in images]
    missing = [f"[image: {image.source}]" for image in images if image.data_url is None]
    text = "\n\n".join(part for part in (text, *missing) if part)
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in pictures if url]
    if not parts:
        return text
    return [{"type": "text", "text": text}, *parts] if text else parts


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": arguments_text(call)}
    return {"id": call.id, "type": "function", "function": function}
