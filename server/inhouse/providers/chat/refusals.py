# ruff: noqa: E501  # one row of a table on one line
"""A refusal that says X teaches trait Y, and the request goes out once more: one table.

Nothing here loops: each mend changes the dialect (`inhouse.core.dialect`), the request that goes
out once more is never the one that was refused, and there are `MOST_MENDS` of them.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import evolve, frozen

from inhouse.core.dialect import CallIds, Dialect, EmptyText, SystemText, Thoughts
from inhouse.core.errors import ContextOverflowError, ProviderError, ToolsUnsupportedError

MOST_MENDS = 8
"""How often one request is rewritten."""

_NEVER = frozenset(
    {"rate_limited", "quota", "payment_required", "moderation", "challenge", "login"}
    | {"redirect"}
    | {"proxy_auth", "wrong_scheme", "certificate", "unreachable", "hung_up", "timeout", "proxy"}
    | {"loading", "too_large", "web_page", "tls"}
)
"""Failures that no other form of the request would avoid."""


@frozen
class Mended:
    """The dialect for another try, and what it means for the user."""

    dialect: Dialect
    what: str
    """What is left out or written differently, for a notice."""
    once: bool = False
    """Whether it concerns only this request, so that nothing is remembered."""


def mends(dialect: Dialect, error: ProviderError, body: Mapping[str, Any]) -> Iterator[Mended]:
    """Yield the ways to ask again after this refusal, likeliest first."""
    if error.code in _NEVER or isinstance(error, ContextOverflowError | ToolsUnsupportedError):
        yield from _too_many_answer_tokens(dialect, error, body)
        return
    if error.code == "unauthorized":
        return
    for row in _TABLE:
        if not _says(error, row.says) or (row.unless and _says(error, row.unless)):
            continue
        changed = row.change(dialect)
        if changed is not None and changed != dialect:
            yield Mended(changed, row.what)
    yield from _too_many_answer_tokens(dialect, error, body)
    yield from _member_of_message(dialect, error, body)
    yield from _schema_word(dialect, error, body)
    yield from _member_of_request(dialect, error, body)


@frozen
class _Row:
    says: str
    change: Callable[[Dialect], Dialect | None]
    what: str
    unless: str = ""


def _says(error: ProviderError, pattern: str) -> bool:
    """Search a refusal; patterns are compiled when there is one, which few runs ever see."""
    return re.search(pattern, error.said, re.IGNORECASE | re.DOTALL) is not None


_IDS = (
    r"(?:tool|function)[_ -]?(?:call|use)?[_ -]?(?:call)?[_ ]?ids?.{0,160}(?:length of 9|a-z|must be"
    r"|pattern|match|invalid|characters|alphanumeric)"
    r"|(?:id|tool_call_id|string).{0,60}string should match pattern|tool_use\.id|\.id.{0,20}string too long"
    r"|tool_calls?.{0,60}\bid\b.{0,80}(?:too long|maximum length|max(?:imum)? .{0,10}40|invalid)"
    r"|invalid .{0,20}tool_calls?.{0,30}\.id"
    r"|call_id.{0,60}(?:too long|maximum length|invalid)"
)
_NO_IDS = r"no tool (?:call|output) found|did not have response|missing|not found|unexpected `?tool_use_id"


def _other_empty(dialect: Dialect) -> Dialect | None:
    """``""`` is refused: first null, then a word."""
    order = {EmptyText.TEXT: EmptyText.NULL, EmptyText.NULL: EmptyText.FILLER}
    if dialect.empty is EmptyText.ABSENT:
        return evolve(dialect, empty=EmptyText.FILLER, nothing_empty=True)
    wanted = order.get(dialect.empty)
    return evolve(dialect, empty=wanted or dialect.empty, nothing_empty=True)


def _other_null(dialect: Dialect) -> Dialect | None:
    """``null`` or a missing text is refused: an empty one unless that was refused before."""
    if dialect.empty in (EmptyText.NULL, EmptyText.ABSENT):
        wanted = EmptyText.FILLER if dialect.nothing_empty else EmptyText.TEXT
        return evolve(dialect, empty=wanted)
    return evolve(dialect, empty=EmptyText.FILLER) if dialect.empty is EmptyText.TEXT else None


def _other_system(dialect: Dialect) -> Dialect | None:
    if dialect.system is SystemText.USER:
        return None
    return evolve(dialect, system=SystemText.USER, one_system=True)


def _thoughts_wanted(dialect: Dialect) -> Dialect:
    return evolve(
        dialect,
        thoughts=Thoughts.ALWAYS,
        unknown_fields=dialect.unknown_fields - {"reasoning_content", "reasoning"},
    )


_THOUGHTS = r"reasoning_?content|reasoning_?details|thinking_?blocks|reasoning_text|\breasoning\b"
_UNKNOWN = (
    r"unsupported|not supported|un(?:known|recogni[sz]ed|expected)|not permitted|not allowed|forbidden"
    r"|extra (?:inputs?|fields?)|additional propert|invalid|cannot find field|deprecated"
    r"|does ?n[o']t (?:support|allow|accept)|do not support|not (?:a )?valid|cannot (?:both )?be"
    r"|must (?:not )?be|remove|only .{0,40}(?:allowed|supported|is)|no such|not (?:yet )?implemented"
    r"|not (?:available|enabled)|unavailable|incompatible|no longer|conflict|not accept|reject"
    r"|unable to|no endpoints found that|can ?not|can't|ignored|disabled|requires|out of range|不支持|无效"
)

_TABLE: tuple[_Row, ...] = (
    _Row(
        rf"(?:missing|required|must|need|without|lacks?|expected|should).{{0,80}}(?:{_THOUGHTS})"
        rf"|(?:{_THOUGHTS}).{{0,80}}(?:is missing|is required|must be|missing|needs? to be|required"
        r"|should be|expected|passed back)",
        _thoughts_wanted,
        "the model's thoughts go back with its calls",
        unless=rf"(?:{_THOUGHTS}).{{0,40}}(?:unsupported|not supported|not permitted|extra|removed)"
        rf"|(?:unknown|unrecognized|unsupported|unexpected) .{{0,40}}(?:{_THOUGHTS})",
    ),
    _Row(
        r"(?:prefill|pre-fill)|(?:final|last) (?:message|role|position).{0,80}(?:must|should|user|assistant)"
        r"|expected last role|conversation must end with|must end with a user|cannot end with"
        r"|last message .{0,60}(?:assistant|not be)|add_generation_prompt.{0,60}assistant"
        r"|continue_final_message",
        lambda dialect: evolve(dialect, user_last=True),
        "a request does not end with the model's own words",
    ),
    _Row(
        r"unexpected role '?\"?user'?\"? after role '?\"?tool"
        r"|(?:tool|function) .{0,60}(?:must|should|has to) be followed by .{0,20}assistant"
        r"|user .{0,40}(?:cannot|may not|must not|can not) (?:directly )?(?:follow|come after).{0,30}tool"
        r"|not the same number of function calls and responses",
        lambda dialect: evolve(dialect, bridged=True),
        "an answer stands between a tool's result and a user's message",
    ),
    _Row(
        r"(?:must|should) (?:strictly )?alternate|interleave the user|alternat\w+ (?:user|between|roles)"
        r"|consecutive .{0,40}(?:role|message|user|assistant)|roles? .{0,40}alternat"
        r"|multiple (?:user|assistant) messages in a row|unexpected role '?\"?(?:user|assistant)'?\"? after"
        r"|(?:same|two) .{0,20}roles? .{0,30}(?:in a row|twice|consecutive|adjacent)"
        r"|(?:start|begin)s? with (?:a|the) (?:\"|')?user|first message must .{0,30}user"
        r"|no user query found|successive (?:user|assistant)|function call turn comes immediately after"
        r"|must (?:start|begin) with .{0,20}user|first (?:non-system )?message .{0,40}user",
        lambda dialect: evolve(dialect, alternates=True, bridged=True, one_system=True),
        "neighbours of one role are joined",
    ),
    _Row(
        r"system (?:message|prompt|role)s? .{0,60}(?:beginning|first|start|only (?:be|one)|index 0)"
        r"|unexpected role '?\"?system|only (?:one|a single|the first).{0,40}system"
        r"|multiple system|system .{0,40}not at the (?:beginning|start)",
        lambda dialect: evolve(dialect, one_system=True) if not dialect.one_system else None,
        "system messages stand at the beginning only",
    ),
    _Row(
        r"use .{0,10}developer.{0,20}(?:instead|role)|'?developer'? (?:role )?instead of",
        lambda dialect: (
            evolve(dialect, system=SystemText.DEVELOPER)
            if dialect.system is SystemText.SYSTEM
            else None
        ),
        "the system prompt is said as developer",
    ),
    _Row(
        r"(?:system|developer)['\"]? ?(?:role|message|prompt|instruction)s? .{0,40}(?:not|un)[ -]?"
        r"(?:support|enabled|allow|accept|permitted)|does ?n[o']t support .{0,20}system"
        r"|does not support 'system'|role .{0,30}['\"`](?:system|developer)['\"`]"
        r"|(?:system|developer) instruction is not enabled|unknown role:? ['\"`]?(?:system|developer)"
        r"|no system role|system role not|only user (?:and|or|, ?)(?: ?assistant)? .{0,20}roles? (?:is|are) "
        r"supported|supported roles? .{0,60}user",
        _other_system,
        "the system prompt stands at the beginning of the first user message",
    ),
    _Row(
        _IDS,
        lambda dialect: (
            evolve(dialect, call_ids=CallIds.PLAIN) if dialect.call_ids is CallIds.AS_SAID else None
        ),
        "ids of tool calls are plain",
        unless=_NO_IDS,
    ),
    _Row(
        _IDS,
        lambda dialect: evolve(dialect, call_ids=CallIds.NINE),
        "ids of tool calls have nine letters",
        unless=_NO_IDS,
    ),
    _Row(
        r"content.{0,40}(?:is )?(?:null|none)\b.{0,40}|(?:got|was|is|of type) (?:null|none|nonetype)\b"
        r".{0,80}content|content.{0,80}(?:got null|got none|not be null|cannot be null|nonetype"
        r"|should be a valid string|field required|is a required|is required|valid string|be a string"
        r"|expected a string|is missing|of type string|type: <?nil)|missing .{0,20}content"
        r"|invalid type: null|valid string.{0,40}content\b",
        _other_null,
        "calls have an empty text beside them",
        unless=r"reasoning|tool_choice|parameters|signature",
    ),
    _Row(
        r"(?:content|text|message|block)s?\b.{0,120}(?:is blank|is empty|be empty|non-?empty|non-?whitespace"
        r"|at least 1 char|too short|not be empty|empty content|empty string|must have .{0,20}content"
        r"|min_length|minimum length)|(?:empty|blank) (?:content|text|message|string|parts)"
        r"|must include at least one parts field|content or tool_calls must be set",
        _other_empty,
        "nothing empty is sent",
    ),
    _Row(
        r"image_url|image input|images? .{0,40}(?:not|un)[ -]?support|support .{0,24}(?:images?|vision)"
        r"|only ['\"`]?text['\"`]? content|multimodal|vision .{0,30}not|no endpoints found that support image|mmproj"
        r"|content.{0,60}(?:must be|expected) a string.{0,60}(?:list|array|sequence)"
        r"|invalid type: sequence, expected a string",
        lambda dialect: evolve(dialect, pictures=False) if dialect.pictures else None,
        "pictures are named instead of sent",
    ),
    _Row(
        r"json_schema.{0,80}(?:not|un)[ -]?(?:support|available|allow)"
        r"|response_format.{0,80}(?:type|json_schema).{0,60}(?:unavailable|not|unsupported|invalid)"
        r"|structured outputs? .{0,20}(?:not|un)[ -]?(?:support|available)"
        r"|(?:must be|either|expected).{0,30}(?:text|json_object).{0,20}(?:or|,).{0,20}json_object",
        lambda dialect: None if dialect.plain_schema else evolve(dialect, plain_schema=True),
        "a JSON object is asked for without its schema",
    ),
    _Row(
        r"properties.{0,20}should be non-?empty for object|object schema missing properties",
        lambda dialect: evolve(dialect, bare_tools=True),
        "tools without parameters have no schema",
    ),
    _Row(
        r"description.{0,40}(?:too long|at most|maximum length|exceeds|longer than)",
        lambda dialect: evolve(dialect, short_descriptions=True),
        "the tools' descriptions are cut to 1,000 characters",
    ),
)
"""From real servers' messages (tests/providers/repairs.json); the first that changes anything."""


_SAME_AS: Mapping[str, tuple[str, ...]] = {
    "stream_options": ("include_usage", "stream option"),
    "max_tokens": ("max_new_tokens", "max output tokens"),
    "chat_template_kwargs": ("enable_thinking", "chat template"),
    "reasoning_effort": (
        *("reasoning.effort", "reasoning effort", "reasoningEffort", "support thinking"),
    ),
    "reasoning": ("reasoning.effort", "reasoning.max_tokens"),
    "parallel_tool_calls": ("parallel tool", "disable_parallel_tool_use"),
    "tool_choice": ("tool choice", "toolconfig"),
    "response_format": ("json_schema", "json mode", "structured output", "response format"),
    "temperature": (),
    "top_p": ("top-p",),
    "usage": ("usage.include",),
}
"""Other names that servers use for what they refuse."""
_KEPT = frozenset({"model", "messages", "stream", "tools"})


def _too_many_answer_tokens(
    dialect: Dialect, error: ProviderError, body: Mapping[str, Any]
) -> Iterator[Mended]:
    """Limit the answer, not the prompt, to what the server says is left."""
    name = "max_completion_tokens" if "max_completion_tokens" in body else "max_tokens"
    if name not in body or name in dialect.omitted:
        return
    too_many = r"max_(?:completion_)?tokens['\"`]*(?: (?:is|was) too large|: \d{1,9} > \d)"
    if re.search(too_many, error.said) is None:
        return
    yield Mended(_without(dialect, name), f"no {name} is sent", once=True)


def _member_of_request(
    dialect: Dialect, error: ProviderError, body: Mapping[str, Any]
) -> Iterator[Mended]:
    """Leave out, or rename, the member that the server does not want."""
    if not re.search(_UNKNOWN, error.said, re.IGNORECASE):
        return
    if "max_tokens" in body and re.search(r"max_completion_tokens", error.said):
        renamed = {**dialect.renamed, "max_tokens": "max_completion_tokens"}
        yield Mended(evolve(dialect, renamed=renamed), "max_tokens is called max_completion_tokens")
    for name in _named(error, [one for one in body if one not in _KEPT]):
        own = next((key for key, value in dialect.renamed.items() if value == name), name)
        if own not in dialect.omitted:
            yield Mended(_without(dialect, own), f"no {name} is sent")


def _named(error: ProviderError, members: list[str]) -> Iterator[str]:
    """Yield the members that a refusal is about, those named in its own field first."""
    about = [re.split(r"[.\[]", one.removeprefix("body."))[0] for one in error.about]
    yield from (one for one in members if one in about)
    low = error.said.lower()
    # The longest first, since "max_tokens" is also part of "max_tokens_to_sample".
    for one in sorted(members, key=len, reverse=True):
        words = (one, *_SAME_AS.get(one, ()))
        if any(re.search(rf"(?<![\w]){re.escape(word.lower())}(?![\w])", low) for word in words):
            yield one


def _member_of_message(
    dialect: Dialect, error: ProviderError, body: Mapping[str, Any]
) -> Iterator[Mended]:
    """Leave out a member of messages or calls, such as thoughts, that the server does not know."""
    if not re.search(_UNKNOWN, error.said, re.IGNORECASE):
        return
    found = _private_members(body.get("messages"))
    low = error.said.lower()
    for name in sorted(found - dialect.unknown_fields, key=len, reverse=True):
        if re.search(rf"(?<![\w]){re.escape(name.lower())}(?![\w])", low):
            changed = evolve(dialect, unknown_fields=dialect.unknown_fields | {name})
            yield Mended(changed, f"no {name} is sent back")


_PUBLIC = frozenset({"role", "content", "tool_calls", "tool_call_id", "id", "type", "function"})


def _private_members(messages: Any) -> set[str]:
    found: set[str] = set()
    for message in messages or ():
        found |= set(message)
        for call in message.get("tool_calls") or ():
            found |= set(call)
    return found - _PUBLIC


_SCHEMA_WORDS = (
    *("additionalProperties", "$schema", "const", "anyOf", "oneOf", "allOf", "not", "pattern"),
    *(
        "format",
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "$ref",
        "$defs",
    ),
    *("exclusiveMaximum", "minItems", "maxItems", "uniqueItems", "default", "examples", "title"),
    *("propertyNames", "patternProperties", "deprecated", "$id", "$comment", "multipleOf"),
)


def _schema_word(
    dialect: Dialect, error: ProviderError, body: Mapping[str, Any]
) -> Iterator[Mended]:
    """Leave out of tools a JSON Schema keyword that the server does not know."""
    if not body.get("tools") or not re.search(
        r"schema|tools\[|function_declarations|parameters|tools\.", error.said
    ):
        return
    for word in _SCHEMA_WORDS:
        if word in dialect.schema_words:
            continue
        if re.search(rf"['\"`]{re.escape(word)}['\"`\\]|\.{re.escape(word)}\b", error.said):
            changed = evolve(dialect, schema_words=dialect.schema_words | {word})
            yield Mended(changed, f"no {word} is sent in the tools' schemas")


def _without(dialect: Dialect, name: str) -> Dialect:
    return evolve(dialect, omitted=dialect.omitted | {name})
