"""Assembles the pieces of a streamed Chat Completions answer, in every server's spelling."""

import re
from collections.abc import Iterator
from typing import Any, Protocol, cast

from attrs import define, field

from inhouse.core.errors import ProviderError
from inhouse.core.events import (
    Answered,
    ModelChunk,
    ReasoningDelta,
    TextDelta,
    ToolCallReady,
    UsageReported,
)
from inhouse.core.json_values import fields, items
from inhouse.core.json_values import fields as members
from inhouse.core.json_values import text as text_of
from inhouse.core.limits import LONGEST_ARGUMENTS
from inhouse.core.messages import Origin
from inhouse.core.ports import Chunks, Prompt
from inhouse.providers.chat.stream_model import add_joined
from inhouse.providers.chat.think_tags import ThinkingText
from inhouse.providers.cost.usage import read_usage, timings_usage
from inhouse.providers.dialect.private_members import PrivateMembers
from inhouse.providers.dialect.tool_call_deltas import CallPieces
from inhouse.providers.endpoints import endpoint_errors
from inhouse.providers.endpoints.endpoint_errors import ModelRef
from inhouse.providers.endpoints.error_text import message_in

_HALVES = re.compile("[\ud800-\udfff]")

REASONING_KEYS = ("reasoning_content", "reasoning", "reasoning_text", "thinking")

PLAIN = 10
"""A piece with more members than this is read in full."""

FEW = 5
"""llama.cpp's ``timings`` are in a piece with at least this many members."""
LONGEST_REASON = 80

FINISH_REASONS = {
    **dict.fromkeys(("eos", "eos_token", "end_turn", "complete", "stop_sequence"), "stop"),
    **dict.fromkeys(("function_call", "tool_use"), "tool_calls"),
    **dict.fromkeys(("max_tokens", "max_output_tokens", "model_context_window_exceeded"), "length"),
    **dict.fromkeys(("model_length", "max_length", "token_limit", "time_limit"), "length"),
    **dict.fromkeys(("safety", "refusal", "sensitive", "recitation", "language"), "content_filter"),
    **dict.fromkeys(("prohibited_content", "blocklist", "spii"), "content_filter"),
    **dict.fromkeys(("content_filtered", "guardrail_intervened"), "content_filter"),
    **dict.fromkeys(("image_safety", "image_prohibited_content"), "content_filter"),
    **{one: one for one in ("stop", "tool_calls", "length", "content_filter")},
}
_NO_CALL = re.compile(r"malformed|unexpected_tool|function_call_filter", re.IGNORECASE)
"""Gemini's reasons if it could not read its model's call."""
_FAILED = re.compile(r"error|abort|cancel|insufficient_system|overload|timeout", re.IGNORECASE)
"""Reasons of an answer that is not complete."""


@define(eq=False)
class SurrogateHalves:
    """Joins the halves of a character that a server split over two pieces."""

    held: str = ""

    def take(self, text: str) -> str:
        if not self.held and (text.isascii() or not _HALVES.search(text)):
            return text
        text = self.held + text
        self.held = ""
        joined = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        if joined and "\ud800" <= joined[-1] <= "\udbff":
            joined, self.held = joined[:-1], joined[-1]
        return _HALVES.sub("\ufffd", joined)

    def flush(self) -> str:
        held, self.held = self.held, ""
        return "\ufffd" if held else ""


class Unfinished(Protocol):
    """An answer whose server gave up."""

    model: str | None
    thinking: ThinkingText

    def usage(self) -> UsageReported | None: ...


@define(eq=False)
class ChatAnswer:
    """Takes one piece after another; returns the chunks that each completes."""

    place: ModelRef
    calls: CallPieces = field(factory=CallPieces)
    origin: str = ""
    finish_reason: str | None = None
    native_reason: str = ""
    """Why the model finished, according to its own provider (OpenRouter)."""
    model: str | None = None
    _usage: Any = None
    _private: PrivateMembers = field(factory=PrivateMembers)
    thinking: ThinkingText = field(factory=ThinkingText)
    _halves: SurrogateHalves = field(factory=SurrogateHalves)
    _reasoning_key: str | None = None
    _has_deltas: bool = False
    """Whether it came in pieces, so that a whole message says nothing new."""
    _aside: Any = None
    """The last piece that was no part of an answer, and says something."""

    def read(self, pieces: list[Any], chunks: list[ModelChunk]) -> None:
        """Add the chunks that pieces complete; uninterrupted text is one chunk.

        Raises `ProviderError` if a piece says why there will be no more.
        """
        texts: list[str] = []
        for piece in pieces:
            if (text := self.plain_text(piece)) is not None:
                if text:  # nearly every piece; "" is half a character
                    texts.append(text)
                continue
            if texts:
                add_joined(chunks, _joined(texts))
                texts = []
            add_joined(chunks, self.take(piece))
        if texts:
            add_joined(chunks, _joined(texts))

    def plain_text(self, piece: Any) -> str | None:
        """Return the text of a piece that has nothing else; None for any other piece."""
        if not self.thinking.over or self.model is None:
            return None
        try:
            choice = piece["choices"][0]
            delta = choice["delta"]
            content = delta["content"]
            members_of = len(delta)
            plain = members_of == 1 or (members_of == 2 and "role" in delta)  # noqa: PLR2004
            plain = plain and choice.get("finish_reason") is None and len(piece) <= PLAIN
        except (KeyError, IndexError, TypeError, AttributeError):
            return None
        if not plain or not content or not isinstance(content, str):
            return None
        if piece.get("usage") or piece.get("error"):
            return None
        plain = content.isascii() and not self._halves.held
        return content if plain else self._halves.take(content)

    def take(self, piece: object) -> Iterator[ModelChunk]:
        """Read one piece.  Raises `ProviderError` for a piece that reports an error."""
        if piece is None:
            return
        if not isinstance(piece, dict):
            yield from self._listed(piece)
            return
        fields = cast("dict[str, Any]", piece)
        if fields.get("error"):
            raise endpoint_errors.of_piece(self.place, _error_in(fields), code=fields.get("code"))
        if usage := fields.get("usage"):
            self._usage = usage
        elif len(fields) > FEW and (usage := timings_usage(fields)):
            self._usage = self._usage or usage
        if self.model is None and isinstance(model := fields.get("model"), str) and model:
            self.model = model
        if choices := items(fields.get("choices")):
            yield from self._choice(members(choices[0]))
        elif fields.get("object") == "error":  # vLLM and SGLang until 2025
            raise endpoint_errors.of_piece(self.place, fields)
        elif message_in(fields):
            self._aside = fields

    def _listed(self, pieces: object) -> Iterator[ModelChunk]:
        """Read pieces in a list, as Google sends them without a stream."""
        listed = items(pieces)
        if not listed or any(isinstance(one, list) for one in listed):
            raise endpoint_errors.not_an_answer(self.place, "" if listed else str(pieces))
        for one in listed:
            yield from self.take(one)

    def end(self, *, odd: str = "") -> Iterator[ModelChunk]:
        """Yield what remains; `Answered` last.  Raises where the answer is not complete.

        *odd* is what the server sent that is no event.
        """
        if half := self._halves.flush():
            yield from self._said(self.thinking.take(half))
        yield from self._said(self.thinking.flush())
        if self.finish_reason is None:
            if self._aside is not None:
                raise endpoint_errors.of_piece(self.place, self._aside)
            raise endpoint_errors.unfinished(self.place, odd)
        calls = self.calls.complete()
        origin = None
        extra = self._private.whole()
        if self.origin and (calls or extra):
            origin = Origin(self.origin, self._reasoning_key or "", extra)
        yield from (ToolCallReady(call) for call in calls)
        if (usage := self.usage()) is not None:
            yield usage
        reason = "tool_calls" if calls and self.finish_reason == "stop" else self.finish_reason
        yield Answered(reason, self.model, origin=origin, native_reason=self.native_reason)

    def usage(self) -> UsageReported | None:
        """Return the tokens that were told so far."""
        return read_usage(self._usage)

    def _choice(self, choice: dict[str, Any]) -> Iterator[ModelChunk]:
        if error := choice.get("error"):
            raise endpoint_errors.of_piece(self.place, error)
        if delta := members(choice.get("delta")):
            self._has_deltas = True
            yield from self._delta(delta)
        elif message := members(choice.get("message")):
            if not self._has_deltas:  # else MiniMax and Perplexity say the whole once more
                yield from self._delta(message)
        elif isinstance(text := choice.get("text"), str):
            yield from self._said(self.thinking.take(text))
        reason = choice.get("finish_reason")
        if isinstance(reason, dict):  # SGLang's own
            reason = text_of(members(reason).get("type")) or None
        if isinstance(reason, str) and reason and reason.lower() not in ("null", "none"):
            if usage := choice.get("usage"):  # Kimi
                self._usage = usage
            self._finish(reason, choice)

    def _finish(self, reason: str, choice: dict[str, Any]) -> None:
        """Note why the model finished.  Raises `ProviderError` if its answer is not complete."""
        native = text_of(choice.get("native_finish_reason"))
        known = FINISH_REASONS.get(reason.lower())
        if known is None:
            native = native or reason
            if _FAILED.search(reason):
                said = message_in(members(choice.get("finish_reason"))) or native
                raise endpoint_errors.of_piece(self.place, f"the model failed: {said}")
            known = "tool_calls" if _NO_CALL.search(reason) else "stop"
        self.native_reason = native[:LONGEST_REASON]
        self.finish_reason = known

    def _delta(self, delta: dict[str, Any]) -> Iterator[ModelChunk]:
        content = delta.get("content")
        if isinstance(content, str) and (self._halves.held or not content.isascii()):
            content = self._halves.take(content)
        if reasoning := self._reasoning_in(delta):
            self.thinking.told_apart()
            yield ReasoningDelta(reasoning)
        if isinstance(content, list):
            yield from self._parts(cast("list[Any]", content))
        elif isinstance(content, str) and content:
            yield from self._said(self.thinking.take(content))
        if isinstance(refusal := delta.get("refusal"), str) and refusal:
            yield from self._said(((False, refusal),))
        if entries := delta.get("tool_calls"):
            self.calls.take(entries)
        if isinstance(call := delta.get("function_call"), dict):  # before there were tools
            self.calls.take({"index": -1, "function": call})
        if len(delta) > 1 or not (content or reasoning):
            self._private.take(delta)
        if max(self.calls.size, self._private.size) > LONGEST_ARGUMENTS:
            raise endpoint_errors.too_much(self.place)

    def _reasoning_in(self, delta: dict[str, Any]) -> str:
        """Return a piece's thoughts; if two spellings say the same, the first one seen counts."""
        keys = REASONING_KEYS if self._reasoning_key is None else (self._reasoning_key,)
        if self._reasoning_key is not None and self._reasoning_key not in delta:
            keys = REASONING_KEYS
        for key in keys:
            text = delta.get(key)
            if isinstance(text, dict):
                inner = members(text)
                text = inner.get("content") or inner.get("text")
            if isinstance(text, str) and text:
                self._reasoning_key = self._reasoning_key or key
                return text
        if self._reasoning_key is None and "reasoning_details" in delta:
            details = map(members, items(delta["reasoning_details"]))
            told = (one.get("text") or one.get("summary") for one in details)
            return "".join(one for one in told if isinstance(one, str))
        return ""

    def _parts(self, parts: list[Any]) -> Iterator[ModelChunk]:
        """Read content that comes as a list of parts (Mistral's spelling)."""
        for part in parts:
            known = fields(part)
            if isinstance(text := known.get("text"), str) and text:
                yield from self._said(((False, text),))
            if isinstance(thinking := known.get("thinking"), list):
                for inner in cast("list[Any]", thinking):
                    if isinstance(inner, dict) and (
                        thought := cast("dict[str, Any]", inner).get("text")
                    ):
                        yield ReasoningDelta(str(thought))

    def _said(self, parts: Any) -> Iterator[ModelChunk]:
        for is_thought, text in parts:
            if is_thought:
                yield ReasoningDelta(text)
            else:
                yield TextDelta(text)


def _error_in(piece: dict[str, Any]) -> object:
    """Return what a piece says of its error: where that is a flag, the words stand beside it."""
    error: object = piece["error"]
    beside = {key: value for key, value in piece.items() if key != "error"}
    is_flag = isinstance(error, bool | int)
    return beside if is_flag and message_in(beside) else error


def as_written(
    error: Exception, prompt: Prompt, answer: Unfinished, told: list[str]
) -> Chunks | None:
    """Return what the model wrote, to be read here, if the server could not read its call.

    *told* is the text that was streamed before, which is not told again.
    """
    if not isinstance(error, ProviderError) or error.written is None:
        return None
    if not (error.written or prompt.tools):
        return None
    # After text it may be the whole answer once more, else the thoughts may go on.
    thinking = ThinkingText() if answer.thinking.over else answer.thinking
    parts = [*thinking.take(error.written), *thinking.flush()]
    thoughts = "".join(text for is_thought, text in parts if is_thought)
    said = "".join(text for is_thought, text in parts if not is_thought)
    said = said.removeprefix("".join(told))
    usage = answer.usage()
    return (
        *((ReasoningDelta(thoughts),) if thoughts else ()),
        *((TextDelta(said),) if said else ()),
        *((usage,) if usage is not None else ()),
        Answered("tool_calls" if prompt.tools else "stop", answer.model, unparsed=True),
    )


def texts_in(chunks: list[ModelChunk]) -> Iterator[str]:
    """Yield the text of an answer's chunks."""
    return (one.text for one in chunks if isinstance(one, TextDelta))


def _joined(texts: list[str]) -> tuple[TextDelta, ...]:
    return (TextDelta("".join(texts), len(texts)),)
