"""Messages to and from Codebuff's JSON, which ``handleSteps`` and ``set_messages`` see."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from .errors import ToolError
from .json_values import Json, mapping
from .messages import (
    AssistantMessage,
    Image,
    Message,
    Origin,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from .unicode import clean_json, clean_text

USER_PROMPT = "USER_PROMPT"
"""Tags what the user said."""
STEP_PROMPT = "STEP_PROMPT"
OWN = "inhouse"
"""Key in ``providerOptions`` for what goes back only to the server that sent it."""
PROJECT_FILES = "PROJECT_FILES"
"""Tags the view of the project that a small model gets before its first step."""


def messages_to_json(messages: Iterable[Message]) -> list[Json]:
    """Return messages in the shape of Codebuff's ``messageHistory``."""
    return [message_to_json(message) for message in messages]


def messages_from_json(value: object) -> tuple[Message, ...]:
    """Read messages in Codebuff's shape.  Raises `ToolError` if they are not in that shape."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ToolError("messages is not a list.  Give a list of {role, content}.")
    items = cast("Sequence[Any]", value)
    return tuple(_from_json(index, item) for index, item in enumerate(items))


def arguments_object(arguments: str) -> Json | None:
    """Return a call's arguments if they are a JSON object, else None."""
    try:
        value = json.loads(arguments or "{}", parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def message_to_json(message: Message) -> Json:
    """Return one message in Codebuff's shape."""
    match message:
        case SystemMessage(text):
            return {"role": "system", "content": [_text_part(text)]}
        case UserMessage(text, tags, images):
            pictures = [_image_part(image) for image in images]
            words = [_text_part(text)] if text or not pictures else []
            shape: Json = {"role": "user", "content": [*words, *pictures]}
            if tags:
                shape["tags"] = list(tags)
            if STEP_PROMPT in tags:
                shape["timeToLive"] = "agentStep"
            return shape
        case AssistantMessage(text, tool_calls, reasoning, origin):
            parts: list[Json] = []
            if reasoning:
                parts.append({"type": "reasoning", "text": reasoning})
            if text or not tool_calls:
                parts.append(_text_part(text))
            parts.extend(_call_part(call) for call in tool_calls)
            said: Json = {"role": "assistant", "content": parts}
            if origin is not None and (reasoning or origin.extra):
                own = {"model": origin.model, "thoughts": origin.thoughts, "extra": origin.extra}
                said["providerOptions"] = {OWN: {key: one for key, one in own.items() if one}}
            return said
        case ToolMessage(call_id, tool, output, failed):
            shape = {
                "role": "tool",
                "toolCallId": call_id,
                "toolName": tool,
                "content": [{"type": "json", "value": output}],
            }
            return {**shape, "failed": True} if failed else shape


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")


def _text_part(text: str) -> Json:
    return {"type": "text", "text": text}


def _image_part(image: Image) -> Json:
    kind = {"mediaType": image.media_type} if image.media_type else {}
    return {"type": "image", "image": image.source, **kind}


def _images(content: object) -> tuple[Image, ...]:
    """Read Codebuff's ``image`` parts, and its ``file`` parts that are pictures."""
    found: list[Image] = []
    for part in _parts(content):
        kind, media_type = part.get("type"), part.get("mediaType")
        source = part.get("data") if kind == "file" else part.get("image")
        media_type = clean_text(media_type) if isinstance(media_type, str) else None
        is_picture = kind == "image" or (media_type or "").startswith("image/")
        if is_picture and isinstance(source, str) and source:
            found.append(Image(clean_text(source), media_type))
    return tuple(found)


def _call_part(call: ToolCall) -> Json:
    part: Json = {
        "type": "tool-call",
        "toolCallId": call.id,
        "toolName": call.name,
        "input": arguments_object(call.arguments) or {},
    }
    own = {"id": call.said_id, "extra": call.extra}
    if own := {key: one for key, one in own.items() if one}:
        part["providerOptions"] = {OWN: own}
    return part


def _own(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """Read what is in ``providerOptions``: it goes back only to where it came from."""
    return mapping(mapping(part.get("providerOptions")).get(OWN))


def _origin(message: Mapping[str, Any]) -> Origin | None:
    own = _own(message)
    if not isinstance(model := own.get("model"), str):
        return None
    thoughts = own.get("thoughts")
    extra = clean_json(dict(mapping(own.get("extra"))))
    return Origin(model, thoughts if isinstance(thoughts, str) else "", extra)


def _from_json(index: int, item: object) -> Message:
    message: Mapping[str, Any] = mapping(item)
    content = message.get("content")
    match message.get("role"):
        case "system":
            return SystemMessage(_text(content))
        case "user":
            tags = message.get("tags")
            to_live = _tags(tags, message.get("timeToLive"))
            return UserMessage(_text(content), to_live, _images(content))
        case "assistant":
            return _assistant(content, _origin(message))
        case "tool":
            return _tool(message, content)
        case role:
            raise ToolError(
                f"Message {index} has the role {role!r}.  Roles: system, user, assistant, tool"
            )


def _tags(tags: object, time_to_live: object) -> tuple[str, ...]:
    given = tuple(str(tag) for tag in cast("list[Any]", tags)) if isinstance(tags, list) else ()
    if time_to_live == "agentStep" and STEP_PROMPT not in given:
        return (*given, STEP_PROMPT)
    return given


def _assistant(content: object, origin: Origin | None) -> AssistantMessage:
    parts = _parts(content)
    calls = tuple(
        ToolCall(
            str(part.get("toolCallId", "")),
            str(part.get("toolName", "")),
            json.dumps(_input(part.get("input")), ensure_ascii=False),
            str(_own(part).get("id", "")),
            clean_json(dict(mapping(_own(part).get("extra")))),
        )
        for part in parts
        if part.get("type") == "tool-call"
    )
    return AssistantMessage(_joined(parts, "text"), calls, _joined(parts, "reasoning"), origin)


def _input(value: object) -> object:
    if isinstance(value, dict):
        return clean_json(cast("dict[str, Any]", value))
    return {} if value is None else {"input": clean_json(value)}


def _tool(message: Mapping[str, Any], content: object) -> ToolMessage:
    shape = message
    if isinstance(content, Mapping):  # An older form keeps call and result in the content.
        shape = cast("Mapping[str, Any]", content)
        content = shape.get("output")
    parts = _parts(content)
    values = [part.get("value") for part in parts if part.get("type") == "json"]
    texts = [part["text"] for part in parts if isinstance(part.get("text"), str)]
    output: Any = values[0] if len(values) == 1 else values or "\n".join(texts)
    return ToolMessage(
        str(shape.get("toolCallId", "")),
        str(shape.get("toolName", "")),
        clean_json(output),
        failed=message.get("failed") is True,
    )


def _text(content: object) -> str:
    return _joined(_parts(content), "text")


def _joined(parts: list[Mapping[str, Any]], kind: str) -> str:
    texts = (part.get("text", "") for part in parts if part.get("type") == kind)
    return clean_text("\n\n".join(text for text in texts if isinstance(text, str)))


def _parts(content: object) -> list[Mapping[str, Any]]:
    if isinstance(content, str):
        return [_text_part(content)]
    items = cast("list[Any]", content) if isinstance(content, list) else [content]
    return [cast("Mapping[str, Any]", item) for item in items if isinstance(item, Mapping)]
