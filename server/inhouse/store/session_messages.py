"""Messages of a session's history to and from JSON, with every field, including future ones."""

import json
import logging
from typing import Any

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn

from inhouse.core.messages import (
    AssistantMessage,
    Image,
    Message,
    Origin,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from inhouse.core.redaction import redact_value

logger = logging.getLogger(__name__)
_KINDS: dict[str, type[Message]] = {
    "system": SystemMessage,
    "user": UserMessage,
    "assistant": AssistantMessage,
    "tool": ToolMessage,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def dump(message: Message) -> str:
    """Return a message as it is stored: without any known key.

    Keys are removed from the fields' values, never from their names or the role: a key that is an
    ordinary word ("assistant") must not make the session unreadable.
    """
    fields = attrs.asdict(message, filter=_says_something, value_serializer=_without_keys)
    value = {"role": _NAMES[type(message)], **fields}
    return json.dumps(value, ensure_ascii=False, default=str)


def load(text: str) -> Message:
    """Read what `dump` wrote in this version of Inhouse or another one."""
    value: dict[str, Any] = json.loads(text)
    return _converter.structure(value, _KINDS[value.pop("role")])


def read(text: str) -> Message | None:
    """Return what `load` gives; None if the text is damaged, which the log says.

    Whoever goes on from the history closes what is open then (`inhouse.loop.history`).
    """
    try:
        return load(text)
    except (ValueError, LookupError, TypeError, AttributeError, cattrs.BaseValidationError):
        logger.warning("a message of a session cannot be read", exc_info=True)
        return None


def _says_something(attribute: "attrs.Attribute[Any]", value: object) -> bool:
    return attribute.default is attrs.NOTHING or value != attribute.default


def _without_keys(_owner: object, _attribute: "attrs.Attribute[Any]", value: object) -> object:
    return redact_value(value)


def _make_converter() -> cattrs.Converter:
    converter = cattrs.Converter()
    for kind in (Origin, ToolCall, Image, *_KINDS.values()):
        converter.register_structure_hook(kind, make_dict_structure_fn(kind, converter))
    return converter


_converter = _make_converter()
