"""Chat Completions, spoken by OpenAI and by every server that copies it.

The openai package sends the request and yields the bytes; its objects for each piece would be ten
times slower, so `inhouse.providers.chat.sse` and `inhouse.providers.chat.response` read them.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import httpx2
import openai
from attrs import field, frozen
from openai.resources.chat.chat import AsyncChat  # else the first request would import it

from inhouse.core.dialect import Dialect
from inhouse.core.endpoint_kinds import known_dialect
from inhouse.core.errors import InhouseError, ProviderError
from inhouse.core.events import ModelChunk, Notice
from inhouse.core.ports import Chunks, Prompt
from inhouse.core.route import Endpoint
from inhouse.providers.chat.refusals import MOST_MENDS, Mended, mends
from inhouse.providers.chat.response import ChatAnswer, as_written, texts_in
from inhouse.providers.chat.retry import first_of
from inhouse.providers.chat.sse import StreamDeadline, answered, server_sent
from inhouse.providers.chat.stream_model import TRIES
from inhouse.providers.dialect.chat_request import chat_messages, chat_tools
from inhouse.providers.dialect.tool_call_deltas import CallPieces
from inhouse.providers.endpoints import endpoint_errors
from inhouse.providers.endpoints.endpoint_errors import ModelRef
from inhouse.providers.endpoints.endpoint_state import EndpointState
from inhouse.providers.endpoints.error_text import message_in
from inhouse.providers.endpoints.http_json import headers_of
from inhouse.providers.endpoints.model_list import listed_models
from inhouse.providers.network.addresses import http_address
from inhouse.providers.network.egress import DEFAULT_HEADERS
from inhouse.providers.network.traffic_log import note_answer

if TYPE_CHECKING:
    from inhouse.providers.network.egress import Egress

logging.getLogger("openai").setLevel(logging.WARNING)  # whatever OPENAI_LOG says: it logs prompts


@frozen
class OpenAIChat:
    """One model behind an OpenAI-compatible endpoint."""

    endpoint: Endpoint
    model: str
    egress: "Egress"
    extra_body: Mapping[str, Any] = field(factory=dict[str, Any])
    """What a kind adds to each request, such as OpenRouter's routing."""

    tries: int = TRIES
    shared: EndpointState = field(factory=EndpointState)
    """What was learnt about the endpoint, in this run and before."""

    async def ask(self, prompt: Prompt) -> AsyncGenerator[Chunks]:
        """Ask; if the server refuses the form of the request, ask again in another form."""
        place = ModelRef(self.endpoint, self.model)
        known = known_dialect(self.endpoint.kind, self.endpoint.base_url)
        dialect = await self.shared.dialect(self.endpoint, self.model, known)
        learnt: list[Mended] = []
        while True:
            asking = partial(self._answer, prompt, place, dialect, again=len(learnt) < MOST_MENDS)
            patience = self.endpoint.first_token_timeout
            batches = first_of(asking, tries=self.tries, patience=patience)
            refused: _RefusedError | None = None
            async with aclosing(batches):
                try:
                    async for chunks in batches:
                        if learnt and not all(isinstance(one, Notice) for one in chunks):
                            lasting = [one for one in learnt if not one.once]
                            if lasting:
                                facts = lasting[-1].dialect.learnt(known)
                                await self.shared.learn(self.endpoint, self.model, dialect=facts)
                            learnt = []
                        yield chunks
                except _RefusedError as error:
                    refused = error
            if refused is None:
                return
            learnt.append(refused.mended)
            dialect = refused.mended.dialect
            yield (self._notice(refused, place),)

    def _notice(self, refused: "_RefusedError", place: ModelRef) -> Notice:
        remembered = "" if refused.mended.once else ", from now on"
        own = any(one in refused.mended.what.split() for one in self._own_settings())
        said = place.quote(message_in(refused.error.said.partition("\n")[0]))
        return Notice(
            "warning" if own or "pictures" in refused.mended.what else "info",
            "adapted",
            f"{place} refused the request.  Inhouse sends it again so that {refused.mended.what}"
            f"{remembered}.  It said: {said}",
        )

    def _own_settings(self) -> frozenset[str]:
        """Return the members of a request that the user asked for."""
        at = self.endpoint
        own = {"temperature": at.temperature, "top_p": at.top_p, "max_tokens": at.max_tokens}
        return frozenset(
            [*at.extra_body, *(name for name, value in own.items() if value is not None)]
        )

    async def _answer(
        self, prompt: Prompt, place: ModelRef, dialect: Dialect, *, again: bool
    ) -> AsyncGenerator[Chunks]:
        """Ask once, and return the answer.

        Raises `_RefusedError` if another way to ask may be taken, with *again*.
        """
        body = self._body(prompt, dialect)
        told: list[str] = []
        said = False
        calls = CallPieces(frozenset(tool.name for tool in prompt.tools))
        answer = ChatAnswer(place, calls, self.endpoint.origin_of(self.model))
        headers = await headers_of(self.endpoint)
        client = self._client(headers)
        # If the key has another header, the client's own would be a second one, and refused.
        omitted = {} if "authorization" in headers else {"Authorization": openai.Omit()}
        since = asyncio.get_running_loop().time()
        try:
            opening = client.create(**body, extra_headers=omitted)
            async with answered(opening, place) as response:
                line = StreamDeadline(place, response.http_response.extensions["network_stream"])
                line.wait_for_first(since)
                source = aiter(response.http_response.stream)
                async for pieces in server_sent(source, line):
                    chunks: list[ModelChunk] = []
                    try:
                        answer.read(pieces, chunks)
                    finally:  # What was said before an error counts.
                        if chunks:
                            line.started = said = True
                            told += texts_in(chunks)
                            yield chunks
                    line.finished = answer.finish_reason is not None
            last = [*answer.end(odd=line.odd)]
        except openai.OpenAIError as error:
            known = _translated(error, place)
            last = as_written(known, prompt, answer, told)
            if last is None:
                way = self._other_way(known, prompt, body, dialect) if again and not said else None
                raise way or await self._better(known, error, place) from error
        except ProviderError as error:
            last = as_written(error, prompt, answer, told)
            if last is None:
                way = self._other_way(error, prompt, body, dialect) if again and not said else None
                if way is None:
                    raise
                raise way from error
        yield last
        if answer.model is not None:
            note_answer(self.endpoint.name, answer.model)

    def _other_way(
        self, error: Exception, prompt: Prompt, body: dict[str, Any], dialect: Dialect
    ) -> "_RefusedError | None":
        """Find another way to ask; what was refused is never sent again as it was."""
        if not isinstance(error, ProviderError):
            return None
        asked = body["extra_body"]
        for way in mends(dialect, error, asked):
            if self._body(prompt, way.dialect)["extra_body"] != asked:
                return _RefusedError(error, way)
        return None

    async def _better(
        self, error: Exception, cause: openai.OpenAIError, place: ModelRef
    ) -> Exception:
        """Improve an error if another request to the server can explain it."""
        if not isinstance(error, ProviderError):
            return error
        if error.code == "model_not_found" and isinstance(cause, openai.APIStatusError):
            return await self._not_found(cause, place)
        if error.code == "hung_up" and await self.egress.speaks_tls(self.endpoint):
            return endpoint_errors.wrong_scheme(place, "https")
        return error

    async def _not_found(self, error: openai.APIStatusError, place: ModelRef) -> ProviderError:
        """Say what the server has instead (backends.md, Q20)."""
        said = place.quote(message_in(error.response.text))
        try:
            models = await listed_models(self.endpoint, self.egress)
        except InhouseError:
            models = ()
        known = tuple(model.id for model in models)
        return endpoint_errors.not_found(place, said, known, status=error.response.status_code)

    def _client(self, headers: Mapping[str, str]) -> Any:
        endpoint = self.endpoint
        address = http_address(endpoint.base_url)
        client = openai.AsyncOpenAI(
            api_key="unused",  # the header is ours
            organization="",
            project="",
            base_url=address.url,
            default_query=dict(parse_qsl(address.query)),
            http_client=self.egress.client(endpoint),
            max_retries=0,
            timeout=httpx2.Timeout(None, connect=10, read=endpoint.first_token_timeout),
            default_headers={**DEFAULT_HEADERS, **headers},
        )
        return AsyncChat(client).completions.with_streaming_response

    def _body(self, prompt: Prompt, dialect: Dialect) -> dict[str, Any]:
        body: dict[str, Any] = {"stream_options": {"include_usage": True}}
        if prompt.tools:
            body["tools"] = chat_tools(prompt.tools, dialect)
        if prompt.max_output_tokens is not None:
            body["max_tokens"] = prompt.max_output_tokens
        if prompt.temperature is not None:
            body["temperature"] = prompt.temperature
        if prompt.output_schema is not None:
            schema = {"name": "output", "schema": dict(prompt.output_schema)}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
            if dialect.plain_schema:
                body["response_format"] = {"type": "json_object"}
        body |= self.extra_body
        if dialect.omitted or dialect.renamed:
            body = {
                dialect.renamed.get(name, name): value
                for name, value in body.items()
                if name not in dialect.omitted
            }
        # As extra body it is sent unchanged; openai would otherwise first walk the whole history.
        body["messages"] = chat_messages(prompt, dialect, self.endpoint.origin_of(self.model))
        return {"model": self.model, "messages": [], "stream": True, "extra_body": body}


class _RefusedError(Exception):
    """The server refused the form of a request, and there is another form."""

    def __init__(self, error: ProviderError, mended: Mended) -> None:
        super().__init__(str(error))
        self.error = error
        self.mended = mended


def _translated(error: openai.OpenAIError, place: ModelRef) -> Exception:  # noqa: PLR0911
    """Turn the client's exception into ours, unwrapping one of ours inside it."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, InhouseError):
            return cause
        cause = cause.__cause__
    match error:
        case openai.APIStatusError():
            response = error.response
            return endpoint_errors.of_status(
                place, response.status_code, response.text, response.headers
            )
        case openai.APITimeoutError():
            return _timed_out(error, place)
        case openai.APIConnectionError() if isinstance(error.__cause__, httpx2.ProxyError):
            return endpoint_errors.through_proxy(place, str(error.__cause__))
        case openai.APIConnectionError() if isinstance(error.__cause__, httpx2.ConnectError):
            return endpoint_errors.unreachable(place, str(error.__cause__), error)
        case openai.APIConnectionError():
            return endpoint_errors.hung_up(place, str(error.__cause__ or error), error)
        case _:
            return ProviderError(f"{place}: {place.quote(str(error))}")


def _timed_out(error: openai.APITimeoutError, place: ModelRef) -> ProviderError:
    if isinstance(error.__cause__, httpx2.ConnectTimeout):
        return endpoint_errors.unreachable(place, "no answer to the connection within 10 s")
    return endpoint_errors.silent(place, place.endpoint.first_token_timeout, first=True)
