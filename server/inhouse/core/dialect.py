"""How a server wants a conversation written: traits that are known for a kind, or were learnt.

`inhouse.providers.dialect.chat_request` is the one place that writes in a dialect;
`inhouse.providers.chat.refusals` says which refusal teaches which trait.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, cast

import attrs
from attrs import evolve, frozen


class CallIds(StrEnum):
    """Which ids of tool calls a server takes."""

    AS_SAID = "as-said"
    """Its own come back as they came, whatever they look like; others are plain."""
    PLAIN = "plain"
    """Up to 40 letters, digits, ``_`` and ``-``."""
    NINE = "nine"
    """Nine letters or digits (Mistral)."""


class SystemText(StrEnum):
    """What the system prompt is said as."""

    SYSTEM = "system"
    DEVELOPER = "developer"
    USER = "user"
    """At the beginning of the first user message."""


class EmptyText(StrEnum):
    """What stands for the text of an answer that only calls tools."""

    TEXT = "text"
    """``""``"""
    NULL = "null"
    ABSENT = "absent"
    FILLER = "filler"
    """A word: nothing at all is refused in every form."""


class Thoughts(StrEnum):
    """Whether the thoughts of a model go back to it beside its calls."""

    BACK = "back"
    """Where it sent some, in the field they came in."""
    ALWAYS = "always"
    """Each answer with calls has the field, if only an empty one."""
    NEVER = "never"


@frozen
class Dialect:
    """The traits of one endpoint and model."""

    omitted: frozenset[str] = frozenset()
    """Members of a request that it refuses."""
    renamed: Mapping[str, str] = {}
    """Members of a request that it calls otherwise (``max_tokens``)."""
    unknown_fields: frozenset[str] = frozenset()
    """Members of a message or a call that it refuses."""
    schema_words: frozenset[str] = frozenset()
    """Words of JSON Schema that it refuses in a tool's parameters."""
    call_ids: CallIds = CallIds.AS_SAID
    system: SystemText = SystemText.SYSTEM
    one_system: bool = False
    """System messages stand nowhere but at the beginning."""
    alternates: bool = False
    """User and assistant take turns: neighbours of one role are joined."""
    bridged: bool = False
    """A user's message may not follow a tool's result: an assistant's word stands between."""
    user_last: bool = False
    """A request may not end with the assistant's words."""
    empty: EmptyText = EmptyText.TEXT
    nothing_empty: bool = False
    """No message at all may be empty."""
    thoughts: Thoughts = Thoughts.BACK
    pictures: bool = True
    plain_schema: bool = False
    """``response_format`` is ``json_object``: it knows no ``json_schema``."""

    def learnt(self, known: "Dialect") -> dict[str, Any]:
        """Give as JSON what differs from what was known."""
        found: dict[str, Any] = {}
        for each in attrs.fields(Dialect):
            value = getattr(self, each.name)
            if value != getattr(known, each.name):
                is_set = isinstance(value, frozenset)
                found[each.name] = sorted(cast("frozenset[str]", value)) if is_set else value
        return found

    def with_learnt(self, facts: object) -> "Dialect":
        """Give this dialect with what `learnt` gave; what cannot be read is left out."""
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


def described(facts: Mapping[str, Any]) -> list[str]:
    """Give what `Dialect.learnt` gave as phrases for people, one for each trait."""
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
}


def _read(known: object, told: object) -> Any:
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
