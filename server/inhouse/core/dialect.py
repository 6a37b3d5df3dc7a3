"""How a server wants a conversation written: traits known for a kind, or learnt from refusals.

`inhouse.providers.dialect.chat_request` is the one place that writes in a dialect;
`inhouse.providers.chat.refusals` says which refusal teaches which trait.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, cast

import attrs
from attrs import evolve, frozen

from .json_values import Json


class CallIds(StrEnum):
    """Which ids of tool calls a server takes."""

    AS_SAID = "as-said"
    """Its own ids go back unchanged, whatever they look like; others are plain."""
    PLAIN = "plain"
    """Up to 40 letters, digits, ``_`` and ``-``."""
    NINE = "nine"
    """Nine letters or digits (Mistral)."""


class SystemText(StrEnum):
    """The role in which the system prompt is sent."""

    SYSTEM = "system"
    DEVELOPER = "developer"
    USER = "user"
    """At the beginning of the first user message."""


class EmptyText(StrEnum):
    """What replaces the text of an answer that only calls tools."""

    TEXT = "text"
    """``""``"""
    NULL = "null"
    ABSENT = "absent"
    FILLER = "filler"
    """A filler word, since it refuses an empty text in every form."""


class Thoughts(StrEnum):
    """Whether a model's thoughts are sent back to it with its tool calls."""

    BACK = "back"
    """If it sent some, in the field they came in."""
    ALWAYS = "always"
    """Every answer with calls has the field, even if it is empty."""
    NEVER = "never"


@frozen
class Dialect:
    """The traits of one endpoint and model."""

    omitted: frozenset[str] = frozenset()
    """Members of a request that the server refuses."""
    renamed: Mapping[str, str] = {}
    """Members of a request that it knows by another name (``max_tokens``)."""
    unknown_fields: frozenset[str] = frozenset()
    """Members of a message or a call that it refuses."""
    schema_words: frozenset[str] = frozenset()
    """JSON Schema keywords that it refuses in a tool's parameters."""
    call_ids: CallIds = CallIds.AS_SAID
    system: SystemText = SystemText.SYSTEM
    one_system: bool = False
    """System messages may stand only at the beginning."""
    alternates: bool = False
    """User and assistant must take turns: adjacent messages of one role are joined."""
    bridged: bool = False
    """A user message may not follow a tool result: an assistant message goes between them."""
    user_last: bool = False
    """A request may not end with an assistant message."""
    empty: EmptyText = EmptyText.TEXT
    nothing_empty: bool = False
    """No message may be empty."""
    thoughts: Thoughts = Thoughts.BACK
    pictures: bool = True
    plain_schema: bool = False
    """``response_format`` is ``json_object``: the server does not support ``json_schema``."""
    bare_tools: bool = False
    """A tool without parameters has no schema: an empty one is refused (Gemini)."""
    short_descriptions: bool = False
    """A tool's description may have 1,024 characters (Azure)."""

    def learnt(self, known: "Dialect") -> Json:
        """Return, as JSON, what differs from the dialect that was known."""
        found: Json = {}
        for each in attrs.fields(Dialect):
            value = getattr(self, each.name)
            if value != getattr(known, each.name):
                is_set = isinstance(value, frozenset)
                found[each.name] = sorted(cast("frozenset[str]", value)) if is_set else value
        return found

    def with_learnt(self, facts: object) -> "Dialect":
        """Return this dialect with what `learnt` returned; unreadable parts are left out."""
        if not isinstance(facts, Mapping):
            return self
        told = cast("Mapping[str, Any]", facts)
        changes = {
            each.name: value
            for each in attrs.fields(Dialect)
            if each.name in told
            and (value := _read(getattr(self, each.name), told[each.name])) is not None
        }
        return evolve(self, **changes)


def described(facts: Mapping[str, object]) -> list[str]:
    """Describe what `Dialect.learnt` returned, one phrase for each trait."""
    return [_described(name, value) for name, value in facts.items()]


def _described(name: str, value: object) -> str:
    match value:
        case list():
            listed = ", ".join(map(str, cast("list[Any]", value)))
        case Mapping():
            pairs = cast("Mapping[Any, Any]", value).items()
            listed = ", ".join(f"{old} as {new}" for old, new in pairs)
        case _:
            listed = str(value)
    return _PHRASES.get(name, f"{name}: {{}}").format(listed)


_PHRASES = {
    "omitted": "requests without {}",
    "renamed": "{}",
    "unknown_fields": "messages without {}",
    "schema_words": "tool parameters without {}",
    "call_ids": "ids of tool calls as {}",
    "system": "the system prompt as {}",
    "one_system": "system messages only at the beginning",
    "alternates": "neighbouring messages of one role joined",
    "bridged": "an assistant's word between a tool's result and the user",
    "user_last": "the user's words last",
    "empty": "the text beside tool calls as {}",
    "nothing_empty": "no empty message",
    "thoughts": "thoughts sent back: {}",
    "pictures": "pictures: {}",
    "plain_schema": "JSON output without a schema",
    "bare_tools": "no schema for tools without parameters",
    "short_descriptions": "tools' descriptions of at most 1,000 characters",
}


def _read(known: object, told: object) -> object:
    match known:
        case frozenset() if isinstance(told, list):
            return frozenset(str(one) for one in cast("list[Any]", told))
        case bool() if isinstance(told, bool):
            return told
        case StrEnum() if told in list(type(known)):
            return type(known)(told)
        case Mapping() if isinstance(told, Mapping):
            return {str(key): str(one) for key, one in cast("Mapping[Any, Any]", told).items()}
        case _:
            return None


OPENAI_LIKE = Dialect()
MISTRAL = Dialect(
    call_ids=CallIds.NINE,
    bridged=True,
    one_system=True,
    alternates=True,
    thoughts=Thoughts.NEVER,
)
"""Mistral's own service (mistral-common checks each request)."""
STRICT_FIELDS = Dialect(thoughts=Thoughts.NEVER)
"""Services that refuse members of messages that OpenAI does not document (Groq, Cerebras)."""
