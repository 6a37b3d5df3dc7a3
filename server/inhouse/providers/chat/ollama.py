"""Ollama through its own API, the only one that can set the window and refuse truncation."""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from inhouse.core.errors import InhouseError, ProviderError
from inhouse.core.events import (
    Answered,
    ModelChunk,
    ReasoningDelta,
    TextDelta,
    ToolCallReady,
    UsageReported,
)
from inhouse.core.json_values import fields, items, text, whole
from inhouse.core.limits import LONGEST_ARGUMENTS
from inhouse.core.messages import Origin, ToolCall
from inhouse.core.ports import Chunks, Prompt
from inhouse.core.route import Endpoint
from inhouse.providers.chat.request_options import own_fields
from inhouse.providers.chat.response import as_written, texts_in
from inhouse.providers.chat.retry import first_of
from inhouse.providers.chat.stream_model import TRIES, add_joined
from inhouse.providers.chat.think_tags import ThinkingText
from inhouse.providers.dialect.chat_request import chat_messages, chat_tools, plain
from inhouse.providers.dialect.tool_call_deltas import new_call_id
from inhouse.providers.endpoints import endpoint_errors
from inhouse.providers.endpoints.context_window import ollama_loaded_window
from inhouse.providers.endpoints.endpoint_errors import ModelRef
from inhouse.providers.endpoints.endpoint_state import EndpointState
from inhouse.providers.endpoints.error_text import message_in
from inhouse.providers.endpoints.http_json import headers_of, post_json, url_of
from inhouse.providers.endpoints.model_list import listed_models
from inhouse.providers.endpoints.token_count import need_of
from inhouse.providers.network.traffic_log import note_answer

if TYPE_CHECKING:
    from inhouse.providers.network.egress import Egress

SMALLEST_WINDOW = 4096
REPLY_TOKENS = 2048
"""Room for the answer, if the prompt sets no limit."""
FIRST_FAILURE = 300


@frozen
class OllamaChat:
    """One model at an Ollama server."""

    endpoint: Endpoint
    model: str
    egress: "Egress"
    shared: EndpointState
    think: bool | str | None = None
    """Ollama's ``think``; None leaves it to the model."""
    tries: int = TRIES

    def ask(self, prompt: Prompt) -> AsyncGenerator[Chunks]:
        place = ModelRef(self.endpoint, self.model)
        return first_of(lambda: self._answer(prompt, place), tries=self.tries)

    async def _answer(self, prompt: Prompt, place: ModelRef) -> AsyncGenerator[Chunks]:
        import httpx2  # noqa: PLC0415  # 0.25 s: not before the first request

        from inhouse.providers.chat.sse import StreamDeadline, answered, json_lines  # noqa: PLC0415

        answer = OllamaAnswer(place, self.endpoint.origin_of(self.model))
        since = asyncio.get_running_loop().time()
        body = await self._body(prompt)
        headers = await headers_of(self.endpoint)
        limit = httpx2.Timeout(None, connect=10, read=self.endpoint.first_token_timeout)
        line: StreamDeadline | None = None
        told: list[str] = []
        last: Chunks | None = None
        try:
            opening = self.egress.client(self.endpoint).stream(
                "POST",
                url_of(self.endpoint, "/api/chat"),
                json=body,
                headers=headers,
                timeout=limit,
            )
            async with answered(opening, place) as response:
                if response.status_code >= FIRST_FAILURE:
                    raise await self._refused(response, place)
                line = StreamDeadline(place, response.extensions["network_stream"])
                line.wait_for_first(since)
                async with aclosing(json_lines(response.aiter_bytes(), line)) as lines:
                    async for pieces in lines:
                        chunks: list[ModelChunk] = []
                        try:
                            answer.read(pieces, chunks)
                        finally:  # What was said before an error counts.
                            if chunks:
                                line.started = True
                                told += texts_in(chunks)
                                yield chunks
                        if answer.done:
                            break
        except ProviderError as error:
            if (last := as_written(error, prompt, answer, told)) is None:
                raise
        except httpx2.HTTPError as error:
            raise _broken(error, line, place) from error
        yield last or [*answer.end()]
        note_answer(self.endpoint.name, answer.model or self.model)

    async def _body(self, prompt: Prompt) -> dict[str, Any]:
        window = await self._window(prompt)
        limit = prompt.max_output_tokens or max(window // 2, REPLY_TOKENS)
        options: dict[str, Any] = {"num_ctx": window, "num_predict": limit}
        if prompt.temperature is not None:
            options["temperature"] = prompt.temperature
        if self.endpoint.top_p is not None:
            options["top_p"] = self.endpoint.top_p
        extra = own_fields(self.endpoint)
        options = {**fields(extra.pop("options", None)), **options}
        body: dict[str, Any] = {
            **extra,
            "model": self.model,
            "messages": _native_messages(
                chat_messages(prompt, origin=self.endpoint.origin_of(self.model))
            ),
            "stream": True,
            "truncate": False,
            "shift": False,
            "options": options,
        }
        if prompt.tools:
            body["tools"] = chat_tools(prompt.tools)
        if prompt.output_schema is not None:
            body["format"] = plain(prompt.output_schema)
        if self.endpoint.keep_alive is not None:
            body["keep_alive"] = _keep_alive(self.endpoint.keep_alive)
        if self.think is not None and await self._can_think():
            body["think"] = self.think
        return body

    async def _window(self, prompt: Prompt) -> int:
        """Size the window to the need, in steps; a loaded one that is large enough stays."""
        if self.endpoint.context_window is not None:
            return self.endpoint.context_window
        need = need_of(prompt).likely + (prompt.max_output_tokens or REPLY_TOKENS)
        most = await self.shared.windows.window(self.endpoint, self.model, self.egress)
        try:
            loaded = await ollama_loaded_window(self.endpoint, self.model, self.egress)
        except InhouseError:
            loaded = None
        return window_for(need, most=most, loaded=loaded)

    async def _can_think(self) -> bool:
        """Return whether the model supports ``think``; others answer 400 to it."""
        shown = fields(
            await post_json(self.endpoint, "/api/show", {"model": self.model}, self.egress)
        )
        return "thinking" in items(shown.get("capabilities"))

    async def _refused(self, response: Any, place: ModelRef) -> ProviderError:
        said = (await response.aread()).decode("utf-8", "replace")
        error = endpoint_errors.of_status(place, response.status_code, said, response.headers)
        if error.code != "model_not_found":
            return error
        models = await listed_models(self.endpoint, self.egress)
        message = place.quote(message_in(said))
        return endpoint_errors.not_found(place, message, tuple(model.id for model in models))


def window_for(need: int, *, most: int | None, loaded: int | None) -> int:
    """Return the ``num_ctx`` to ask for: 4k, 8k, 16k, … but never beyond the model's own.

    A size other than the loaded one makes Ollama reload the model.
    """
    if loaded is not None and loaded >= need and (most is None or loaded <= most):
        return loaded
    window = SMALLEST_WINDOW
    while window < need:
        window *= 2
    return min(window, most) if most is not None else window


@define(eq=False)
class OllamaAnswer:
    """Assembles the lines of one answer."""

    place: ModelRef
    origin: str = ""
    model: str | None = None
    done: bool = False
    _reason: str = "stop"
    _usage: UsageReported | None = None
    _calls: list[ToolCall] = field(factory=list[ToolCall])
    _size: int = 0
    """Characters of the calls."""
    thinking: ThinkingText = field(factory=ThinkingText)
    _thought: bool = False
    """Whether it sent thoughts in ``thinking``, which go back with its calls."""

    def read(self, pieces: list[Any], chunks: list[ModelChunk]) -> None:
        """Add the chunks that the lines complete, up to the last.  Raises `ProviderError`."""
        for piece in pieces:
            if not self.done:
                add_joined(chunks, self.take(piece))

    def take(self, piece: Any) -> Iterator[ModelChunk]:
        known = fields(piece)
        if error := known.get("error"):
            raise endpoint_errors.of_piece(self.place, error, code=known.get("status_code"))
        if not known:
            raise endpoint_errors.not_an_answer(self.place, str(piece))
        self.model = self.model or text(known.get("model")) or None
        message = fields(known.get("message"))
        if thought := text(message.get("thinking")):
            self.thinking.told_apart()
            self._thought = True
            yield ReasoningDelta(thought)
        if content := text(message.get("content")):
            yield from self._said(self.thinking.take(content))
        for call in items(message.get("tool_calls")):
            function = fields(fields(call).get("function"))
            if name := text(function.get("name")):
                arguments = function.get("arguments")
                written = arguments if isinstance(arguments, str) else json.dumps(arguments or {})
                identifier = text(fields(call).get("id")) or new_call_id()
                self._calls.append(ToolCall(identifier, name, written))
                self._size += len(written) + len(name) + 100
                if self._size > LONGEST_ARGUMENTS:
                    raise endpoint_errors.too_much(self.place)
        if known.get("done") is True:
            self.done = True
            self._reason = text(known.get("done_reason")) or "stop"
            self._usage = UsageReported(
                whole(known.get("prompt_eval_count")) or 0, whole(known.get("eval_count")) or 0
            )

    def usage(self) -> UsageReported | None:
        """Return the tokens that were told so far."""
        return self._usage

    def end(self) -> Iterator[ModelChunk]:
        yield from self._said(self.thinking.flush())
        if not self.done:
            raise endpoint_errors.unfinished(self.place)
        yield from (ToolCallReady(call) for call in self._calls)
        if self._usage is not None:
            yield self._usage
        called = self._calls and self._reason == "stop"
        told = self._calls and self._thought and self.origin
        origin = Origin(self.origin, "thinking") if told else None
        yield Answered("tool_calls" if called else self._reason, self.model, origin=origin)

    def _said(self, parts: Any) -> Iterator[ModelChunk]:
        for is_thought, said in parts:
            yield ReasoningDelta(said) if is_thought else TextDelta(said)


def think_option(reasoning: Mapping[str, Any] | None) -> bool | str | None:
    """Turn a definition's ``reasoningOptions`` into Ollama's ``think``."""
    if reasoning is None:
        return None
    effort = reasoning.get("effort")
    if reasoning.get("enabled") is False or effort == "none":
        return False
    if effort in ("low", "medium", "high"):
        return str(effort)
    return True if reasoning.get("enabled") or effort or reasoning.get("max_tokens") else None


def _native_messages(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Convert messages of Chat Completions to Ollama's: a result names its tool.

    Source: https://docs.ollama.com/capabilities/tool-calling.
    """
    names: dict[str, str] = {}
    native: list[dict[str, Any]] = []
    for message in messages:
        for call in items(message.get("tool_calls")):
            names[text(fields(call).get("id"))] = text(
                fields(fields(call).get("function")).get("name")
            )
        native.append(_native(message))
        if (name := names.get(text(message.get("tool_call_id")))) is not None:
            native[-1] = {**native[-1], "tool_name": name}
    return native


def _native(message: dict[str, Any]) -> dict[str, Any]:
    """Turn a message of Chat Completions into Ollama's.

    There, arguments are objects, and pictures are beside the text.
    """
    if isinstance(content := message.get("content"), list):
        parts = [fields(part) for part in items(content)]
        urls = [text(fields(part.get("image_url")).get("url")) for part in parts]
        return {
            **message,
            "content": "".join(text(part.get("text")) for part in parts),
            "images": [url.partition(",")[2] for url in urls if url],
        }
    if calls := message.get("tool_calls"):
        named = [
            {"id": call["id"], "function": {**one, "arguments": json.loads(one["arguments"])}}
            for call, one in ((call, call["function"]) for call in calls)
        ]
        return {**message, "tool_calls": named}
    return message


def _keep_alive(setting: str) -> str | int:
    """Return ``keep_alive`` for Ollama: ``-1`` and seconds as numbers, ``10m`` as a string."""
    return int(setting) if setting.lstrip("-").isdigit() else setting


def _broken(error: Exception, line: Any, place: ModelRef) -> Exception:
    import httpx2  # noqa: PLC0415

    if isinstance(error, httpx2.ProxyError):
        return endpoint_errors.through_proxy(place, str(error))
    if isinstance(error, httpx2.ConnectError):
        return endpoint_errors.unreachable(place, str(error), error)
    if isinstance(error, httpx2.ConnectTimeout):
        return endpoint_errors.unreachable(place, "no answer to the connection")
    if line is not None:
        return line.failure(error)
    if isinstance(error, httpx2.TimeoutException):
        return endpoint_errors.silent(place, place.endpoint.first_token_timeout, first=True)
    return endpoint_errors.hung_up(place, str(error) or type(error).__name__, error)
