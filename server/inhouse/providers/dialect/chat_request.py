"""Writes a conversation in the dialect of the endpoint that is asked; nothing else does.

What a server accepts is a `inhouse.core.dialect.Dialect`; what only its own server may see again
(thoughts, signatures, odd ids) goes back to that endpoint and model only.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import define, evolve, field

from inhouse.core.dialect import OPENAI_LIKE, CallIds, Dialect, EmptyText, SystemText, Thoughts
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
from inhouse.core.tool_names import legal_name

_BROKEN = re.compile("[\ud800-\udfff\0]")
_ESCAPED = re.compile(r"\\u(?:0000|d[89a-f])", re.IGNORECASE)
_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_NINE_ID = re.compile(r"[A-Za-z0-9]{9}")
_COUNTED_ID = re.compile(r"functions\.[\w.-]+:\d+")
"""Kimi's ids, which are sent back unchanged and may be repeated later."""
_WHOLE_THOUGHTS = ("reasoning_details", "thinking_blocks")
"""Members that hold the thoughts themselves, which no other member repeats."""
LONGEST_DESCRIPTION = 1_000
FILLER = "(calls tools)"
EMPTY = "(empty)"
BRIDGE = "Understood."
GO_ON = "Continue."
BEFORE = "(What came before is left out.)"

Json = dict[str, Any]


def chat_messages(
    prompt: Prompt, dialect: Dialect = OPENAI_LIKE, origin: str = ""
) -> list[dict[str, Any]]:
    """Return the whole conversation, system prompt first.

    *origin* is the endpoint and model that are asked (`inhouse.core.messages.Origin`).
    """
    writer = _Writer(dialect, origin)
    messages = mended(prompt.messages)
    writer.look_at(messages)
    written = [writer.message(message) for message in messages]
    return _in_order(written, clean(prompt.system), dialect)


def chat_tools(tools: Iterable[ToolSpec], dialect: Dialect = OPENAI_LIKE) -> list[dict[str, Any]]:
    return [{"type": "function", "function": tool_function(tool, dialect)} for tool in tools]


def tool_function(tool: ToolSpec, dialect: Dialect = OPENAI_LIKE) -> dict[str, Any]:
    parameters = plain(tool.parameters)
    if dialect.schema_words:
        parameters = _without_words(parameters, dialect.schema_words)
    description = clean(tool.description)
    if dialect.short_descriptions and len(description) > LONGEST_DESCRIPTION:
        description = f"{description[:LONGEST_DESCRIPTION]}…"
    told: Json = {"name": legal_name(tool.name), "description": description}
    if parameters.get("properties") or not dialect.bare_tools:
        told["parameters"] = parameters
    return told


def mended(messages: Iterable[Message]) -> list[Message]:
    """Drop calls without a result and results without a call; return every call an id of its own.

    Otherwise strict servers answer every later request with 400.
    """
    mended: list[Message] = []
    pending = list(messages)
    used: set[str] = set()
    for index, message in enumerate(pending):
        match message:
            case AssistantMessage():
                mended.extend(_with_results(message, _results_after(pending, index), used))
            case ToolMessage():
                continue  # added together with the call it belongs to
            case SystemMessage() | UserMessage():
                mended.append(message)
    return mended


def clean(text: str) -> str:
    """Replace lone surrogates and NUL, which strict servers refuse in JSON."""
    if text.isascii() and "\0" not in text:
        return text
    return _BROKEN.sub("\ufffd", text)


def plain(value: Any) -> Any:
    """Return a JSON value with plain dicts, lists and clean strings, whatever it was made of."""
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
    """Return a tool's result as the text a model reads."""
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
    if _ESCAPED.search(call.arguments):
        return json.dumps(plain(value), ensure_ascii=False)
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
        if identifier != call.id:
            call = evolve(call, id=identifier, said_id=call.said_id or call.id)  # noqa: PLW2901
        calls.append(call)
        answers.append(evolve(result, call_id=identifier, tool=call.name))
    if not calls and not message.text:
        return []
    return [evolve(message, tool_calls=tuple(calls)), *answers]


def _fresh(identifier: str, used: set[str]) -> str:
    """Return an id that no earlier call has: some servers begin again with ``call_0`` each turn."""
    wanted = identifier or "call"
    fresh, number = wanted, 1
    while fresh in used:
        number += 1
        fresh = f"{wanted}_{number}"
    used.add(fresh)
    return fresh


@define(eq=False)
class _Writer:
    """Writes one message after another; ids and thoughts depend on earlier ones."""

    dialect: Dialect
    origin: str
    thoughts: str = ""
    """The member in which thoughts are sent back."""
    _ids: dict[str, str] = field(factory=dict[str, str])
    _used: set[str] = field(factory=set[str])

    def look_at(self, messages: Sequence[Message]) -> None:
        """Find the member in which this endpoint sent its thoughts, if it did."""
        if self.dialect.thoughts is Thoughts.NEVER:
            return
        for message in messages:
            if isinstance(message, AssistantMessage) and self._is_own(message):
                assert message.origin is not None  # noqa: S101  it is the endpoint's own
                self.thoughts = self.thoughts or message.origin.thoughts
        if not self.thoughts and self.dialect.thoughts is Thoughts.ALWAYS:
            self.thoughts = "reasoning_content"

    def message(self, message: Message) -> Json:
        match message:
            case SystemMessage(text):
                return {"role": "system", "content": clean(text)}
            case UserMessage(text):
                said = clean(text)
                content = (
                    _with_pictures(said, message.images, self.dialect) if message.images else said
                )
                return {"role": "user", "content": content or self._nothing()}
            case ToolMessage(call_id):
                content = output_text(message) or self._nothing()
                return {
                    "role": "tool",
                    "tool_call_id": self._ids.get(call_id, call_id),
                    "content": content,
                }
            case AssistantMessage():
                return self._answer(message)

    def _answer(self, message: AssistantMessage) -> Json:
        own = self._is_own(message)
        said: Json = {"role": "assistant", "content": clean(message.text)}
        if not message.tool_calls:
            return said
        if not message.text:
            match self.dialect.empty:
                case EmptyText.TEXT:
                    pass
                case EmptyText.NULL:
                    said["content"] = None
                case EmptyText.ABSENT:
                    del said["content"]
                case EmptyText.FILLER:
                    said["content"] = FILLER
        said["tool_calls"] = [self._call(call, own=own) for call in message.tool_calls]
        refused = self.dialect.unknown_fields
        extra: Mapping[str, Any] = (
            message.origin.extra if own and message.origin else dict[str, Any]()
        )
        for name, value in extra.items():
            if name not in refused and self.dialect.thoughts is not Thoughts.NEVER:
                said[name] = plain(value)
        told = any(name in said for name in _WHOLE_THOUGHTS)
        always = self.dialect.thoughts is Thoughts.ALWAYS
        if self.thoughts and self.thoughts not in refused and not told and (own or always):
            said[self.thoughts] = clean(message.reasoning) if own else ""
        return said

    def _call(self, call: ToolCall, *, own: bool) -> Json:
        function = {"name": legal_name(call.name), "arguments": arguments_text(call)}
        written: Json = {"id": self._id(call, own=own), "type": "function", "function": function}
        if own and self.dialect.thoughts is not Thoughts.NEVER:
            for name, value in call.extra.items():
                if name not in self.dialect.unknown_fields:
                    written[name] = plain(value)
        return written

    def _id(self, call: ToolCall, *, own: bool) -> str:
        """Return the id for the server: its own, or one that it accepts; each only once."""
        wanted = (call.said_id or call.id) if own else call.id
        fits = {
            CallIds.AS_SAID: None if own else _PLAIN_ID,
            CallIds.PLAIN: _PLAIN_ID,
            CallIds.NINE: _NINE_ID,
        }[self.dialect.call_ids]
        again = wanted in self._used and not (own and fits is None and _COUNTED_ID.match(wanted))
        if again and (fits is None or fits.fullmatch(call.id)):
            wanted = call.id
        if (fits is not None and not fits.fullmatch(wanted)) or (wanted in self._used and again):
            wanted = _nine(call.id, self._used)
        self._used.add(wanted)
        self._ids[call.id] = wanted
        return wanted

    def _is_own(self, message: AssistantMessage) -> bool:
        return (
            bool(self.origin)
            and message.origin is not None
            and (message.origin.model == self.origin)
        )

    def _nothing(self) -> str:
        return EMPTY if self.dialect.nothing_empty else ""


def _nine(identifier: str, used: set[str]) -> str:
    """Derive nine letters and digits from an id, always the same ones."""
    for number in range(1_000):
        digest = hashlib.sha256(f"{number} {identifier}".encode("utf-8", "replace")).hexdigest()
        if digest[:9] not in used:
            return digest[:9]
    return identifier


def _in_order(messages: list[Json], system: str, dialect: Dialect) -> list[Json]:
    """Put the messages into the order that the server wants."""
    if dialect.one_system or dialect.system is SystemText.USER:
        # It stays in its place, as a user message, so that what was sent before keeps its place.
        messages = [{**one, "role": "user"} if one["role"] == "system" else one for one in messages]
    first = [{"role": dialect.system.value, "content": system}] if system else []
    if first and dialect.system is SystemText.USER:
        first = []
        at = next((i for i, one in enumerate(messages) if one["role"] == "user"), None)
        begin = {"role": "user", "content": system}
        rest = messages[1:] if at == 0 else messages
        messages = [_joined(begin, messages[0]) if at == 0 else begin, *rest]
    if dialect.alternates or dialect.bridged:
        messages = _taking_turns(messages, alternates=dialect.alternates)
    if dialect.user_last and messages and messages[-1]["role"] == "assistant":
        messages = [*messages, {"role": "user", "content": GO_ON}]
    return [*first, *messages]


def _taking_turns(messages: list[Json], *, alternates: bool) -> list[Json]:
    """Join adjacent messages of one role; add a filler between a tool result and a user message."""
    turns: list[Json] = []
    for message in messages:
        last = turns[-1] if turns else None
        role = message["role"]
        if last is None:
            if alternates and role == "assistant":
                turns.append({"role": "user", "content": BEFORE})
        elif last["role"] == "tool" and role in ("user", "system"):
            turns.append({"role": "assistant", "content": BRIDGE})
        elif alternates and last["role"] == role != "tool" and not last.get("tool_calls"):
            turns[-1] = _joined(last, message)
            continue
        turns.append(message)
    return turns


def _joined(one: Json, other: Json) -> Json:
    before, after = one.get("content") or "", other.get("content") or ""
    if isinstance(before, str) and isinstance(after, str):
        content: Any = "\n\n".join(filter(None, (before, after)))
    else:
        content = [*_as_parts(before), *_as_parts(after)]
    return {**one, **other, "content": content}


def _as_parts(content: Any) -> list[Any]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return list(content)


def _without_words(schema: Any, words: frozenset[str], *, names: bool = False) -> Any:
    """Return a JSON Schema without some keywords; with *names*, members are not keywords."""
    if isinstance(schema, list):
        return [_without_words(one, words) for one in schema]  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _without_words(value, words, names=not names and key in _NAMED)
        for key, value in schema.items()  # pyright: ignore[reportUnknownVariableType]
        if names or key not in words
    }


_NAMED = ("properties", "$defs", "definitions", "patternProperties")


def _with_pictures(
    text: str, images: tuple[Image, ...], dialect: Dialect
) -> str | list[dict[str, Any]]:
    """Return parts with the pictures, or plain text if none of them is sent.

    A picture elsewhere is only named: the server would fetch it, bypassing the run's guards.
    """
    pictures = [image.data_url if dialect.pictures else None for image in images]
    missing = [
        f"[image: {image.source if image.data_url is None else 'not sent: the model takes none'}]"
        for image, picture in zip(images, pictures, strict=True)
        if picture is None
    ]
    text = "\n\n".join(part for part in (text, *missing) if part)
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in pictures if url]
    if not parts:
        return text
    return [{"type": "text", "text": text}, *parts] if text else parts
