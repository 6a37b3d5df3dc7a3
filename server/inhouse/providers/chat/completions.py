"""Chat Completions, spoken by OpenAI and by every server that copies it.

The openai package opens the request and gives the bytes; its objects for each piece would cost ten
times as much, so `inhouse.providers.chat.sse` and `inhouse.providers.chat.response` read them.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx2
import openai
from attrs import field, frozen

from inhouse.core.errors import InhouseError, ProviderError
from inhouse.core.ports import Chunks, Prompt
from inhouse.core.route import Endpoint
from inhouse.providers.chat.chat_request import chat_messages, chat_tools
from inhouse.providers.chat.response import ChatAnswer
from inhouse.providers.chat.retry import first_of
from inhouse.providers.chat.sse import StreamDeadline, answered, server_sent
from inhouse.providers.chat.stream_model import TRIES, until_error
from inhouse.providers.endpoints import endpoint_errors
from inhouse.providers.endpoints.endpoint_errors import ModelRef
from inhouse.providers.endpoints.error_text import message_in
from inhouse.providers.endpoints.http_json import headers_of
from inhouse.providers.endpoints.model_list import listed_models
from inhouse.providers.network.base_urls import http_address
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
    """What a kind adds to each request, e.g. OpenRouter's routing."""

    tries: int = TRIES

    def ask(self, prompt: Prompt) -> AsyncGenerator[Chunks]:
        place = ModelRef(self.endpoint, self.model)
        return first_of(lambda: self._answer(prompt, place), tries=self.tries)

    async def _answer(self, prompt: Prompt, place: ModelRef) -> AsyncGenerator[Chunks]:
        """Ask once, and give what comes."""
        answer = ChatAnswer(place, frozenset(tool.name for tool in prompt.tools))
        client = await self._client()
        since = asyncio.get_running_loop().time()
        try:
            opening = client.create(**self._body(prompt))
            async with answered(opening, place) as response:
                line = StreamDeadline(place, response.http_response.extensions["network_stream"])
                line.wait_for_first(since)
                source = aiter(response.http_response.stream)
                async for pieces in server_sent(source, line):
                    chunks, broken = until_error(partial(answer.read, pieces))
                    if chunks:
                        line.started = True
                        yield chunks
                    if broken is not None:
                        raise broken
                    line.finished = answer.finish_reason is not None
        except openai.NotFoundError as error:
            raise await self._not_found(error, place) from error
        except openai.OpenAIError as error:
            raise _translated(error, place) from error
        yield [*answer.end()]
        if answer.model is not None:
            note_answer(self.endpoint.name, answer.model)

    async def _not_found(self, error: openai.NotFoundError, place: ModelRef) -> ProviderError:
        """Say what the server has instead (backends.md, Q20)."""
        said = place.quote(message_in(error.response.text))
        try:
            models = await listed_models(self.endpoint, self.egress)
        except InhouseError:
            models = ()
        return endpoint_errors.not_found(place, said, tuple(model.id for model in models))

    async def _client(self) -> Any:
        endpoint = self.endpoint
        headers = await headers_of(endpoint)
        client = openai.AsyncOpenAI(
            api_key="unused",  # the header is ours
            organization="",
            project="",
            base_url=http_address(endpoint.base_url).url,
            http_client=self.egress.client(endpoint),
            max_retries=0,
            timeout=httpx2.Timeout(None, connect=10, read=endpoint.first_token_timeout),
            default_headers={**DEFAULT_HEADERS, **headers},
        )
        return client.chat.completions.with_streaming_response

    def _body(self, prompt: Prompt) -> dict[str, Any]:
        body: dict[str, Any] = {"stream_options": {"include_usage": True}}
        if prompt.tools:
            body["tools"] = chat_tools(prompt.tools)
        if prompt.max_output_tokens is not None:
            body["max_tokens"] = prompt.max_output_tokens
        if prompt.temperature is not None:
            body["temperature"] = prompt.temperature
        if prompt.output_schema is not None:
            schema = {"name": "output", "schema": dict(prompt.output_schema)}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        # As extra body it goes out as it is: openai would first walk the whole history.
        body["messages"] = chat_messages(prompt)
        return {
            "model": self.model,
            "messages": [],
            "stream": True,
            "extra_body": {**body, **self.extra_body},
        }


def _translated(error: openai.OpenAIError, place: ModelRef) -> Exception:
    """Turn the client's exception into ours; one of ours inside it comes back out."""
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
        case openai.APIConnectionError() if isinstance(error.__cause__, httpx2.ConnectError):
            return endpoint_errors.unreachable(place, str(error.__cause__))
        case openai.APIConnectionError():
            return endpoint_errors.hung_up(place, str(error.__cause__ or error))
        case _:
            return ProviderError(f"{place}: {place.quote(str(error))}")


def _timed_out(error: openai.APITimeoutError, place: ModelRef) -> ProviderError:
    if isinstance(error.__cause__, httpx2.ConnectTimeout):
        return endpoint_errors.unreachable(place, "no answer to the connection within 10 s")
    return endpoint_errors.silent(place, place.endpoint.first_token_timeout, first=True)
