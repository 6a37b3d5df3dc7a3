"""A model for any endpoint: the right way to ask, and every guard around it."""

import gc
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, aclosing
from typing import Any

from attrs import evolve, frozen

from inhouse.core.definition import AgentDefinition
from inhouse.core.endpoint_kinds import ChatApi
from inhouse.core.errors import UserError
from inhouse.core.ports import Chunks, Model, Prompt
from inhouse.core.route import Endpoint
from inhouse.providers.chat.codebuff import BackendRun, CodebuffChat, backend_run
from inhouse.providers.chat.request_options import extra_body, own_fields
from inhouse.providers.chat.stream_model import TRIES, Ask, Streamed
from inhouse.providers.embedded.servers import ALIAS, EmbeddedServers
from inhouse.providers.endpoint_pool import Pool
from inhouse.providers.endpoints.endpoint_state import EndpointState
from inhouse.providers.endpoints.served_model import ServedModel
from inhouse.providers.guarded_model import Guard
from inhouse.providers.network.egress import Egress

LONGEST_EMBEDDED_ANSWER = 1024
"""In tokens, if the request sets no limit, since a small model may not find an end."""


EXACT: Mapping[str, Any] = {"temperature": 0, "repeat_penalty": 1, "dry_allowed_length": 16}
"""Options for a model with tools, since calls repeat paths and texts exactly."""


def connect(
    endpoint: Endpoint,
    model: str,
    *,
    egress: Egress,
    definition: AgentDefinition | None = None,
    embedded: EmbeddedServers | None = None,
    shared: EndpointState | None = None,
    backend: BackendRun | None = None,
    served: ServedModel | None = None,
) -> Model:
    """Return the model of that name there; no connection is opened before it is asked.

    One `Model` is for one run: it is verified once to be local, if privacy requires that.  *served*
    is what its server said just before; without it the server is asked.  *backend* is the run at
    Codebuff's backend; without it each answer is a separate run there.
    """
    connecting = _Connecting(
        egress, shared or EndpointState(), definition, embedded, backend, served
    )
    if endpoint.pool:
        asks = {
            id(one): connecting.ask_of(one, _model_of(one, endpoint, model), tries=1)
            for one in endpoint.pool
        }
        pool = Pool(endpoint.pool, connecting.shared, lambda one: asks[id(one)])
        return Streamed(pool.ask)
    return Streamed(connecting.ask_of(endpoint, model, tries=TRIES))


@frozen
class _Connecting:
    """What every chat API needs."""

    egress: Egress
    shared: EndpointState
    definition: AgentDefinition | None
    embedded: EmbeddedServers | None
    backend: BackendRun | None
    served: ServedModel | None

    def ask_of(self, endpoint: Endpoint, model: str, *, tries: int) -> Ask:
        match endpoint.kind.profile.chat:
            case ChatApi.EMBEDDED:
                return self._embedded(endpoint)
            case ChatApi.OLLAMA:
                ask = self._ollama(endpoint, model, tries)
            case ChatApi.CODEBUFF:
                ask = self._codebuff(endpoint, model, tries)
            case ChatApi.COMPLETIONS:
                ask = self._chat(endpoint, model, tries)
        return Guard(endpoint, model, self.egress, self.shared, ask, self.served).chunks

    def _chat(
        self, endpoint: Endpoint, model: str, tries: int, more: Mapping[str, Any] | None = None
    ) -> Ask:
        body = {
            **extra_body(endpoint.kind, self.definition),
            **own_fields(endpoint),
            **(more or {}),
        }
        if endpoint.top_p is not None:
            body["top_p"] = endpoint.top_p

        def ask(prompt: Prompt) -> AsyncGenerator[Chunks]:
            # The openai package takes 0.6 s to import: not before the first request.
            first = "inhouse.providers.chat.completions" not in sys.modules
            from inhouse.providers.chat.completions import OpenAIChat  # noqa: PLC0415

            if first:
                gc.freeze()  # A collection would look at the whole package and hold up a stream.

            return OpenAIChat(endpoint, model, self.egress, body, tries, self.shared).ask(prompt)

        return ask

    def _ollama(self, endpoint: Endpoint, model: str, tries: int) -> Ask:
        reasoning = self.definition.reasoning_options if self.definition is not None else None

        def ask(prompt: Prompt) -> AsyncGenerator[Chunks]:
            from inhouse.providers.chat.ollama import OllamaChat, think_option  # noqa: PLC0415  # as above

            think = think_option(reasoning)
            chat = OllamaChat(endpoint, model, self.egress, self.shared, think, tries)
            return chat.ask(prompt)

        return ask

    def _codebuff(self, endpoint: Endpoint, model: str, tries: int) -> Ask:
        agent_id = self.definition.id if self.definition is not None else "agent"

        async def ask(prompt: Prompt) -> AsyncGenerator[Chunks]:
            run = self.backend
            async with AsyncExitStack() as stack:
                if run is None or run.endpoint != endpoint:
                    own = backend_run(endpoint, self.egress, agent_id)
                    run = await stack.enter_async_context(own)
                assert run is not None  # noqa: S101  the chat API is Codebuff's
                chat = CodebuffChat(run, lambda more: self._chat(endpoint, model, tries, more))
                async with aclosing(chat.ask(prompt)) as batches:
                    async for chunks in batches:
                        yield chunks

        return ask

    def _embedded(self, endpoint: Endpoint) -> Ask:
        """Start the server with the first request; then it is a llama.cpp server like any other."""
        servers = self.embedded
        if servers is None:
            raise UserError("The embedded model cannot be started here.", code="embedded_missing")

        async def ask(prompt: Prompt) -> AsyncGenerator[Chunks]:
            running = await servers.running(endpoint)
            at = evolve(endpoint, base_url=running.base_url, api_key=running.key)
            more = _exact(endpoint) if prompt.tools else None
            guarded = Guard(at, ALIAS, self.egress, self.shared, self._chat(at, ALIAS, TRIES, more))
            if prompt.max_output_tokens is None:
                prompt = evolve(prompt, max_output_tokens=LONGEST_EMBEDDED_ANSWER)
            async with aclosing(guarded.chunks(prompt)) as batches:
                async for chunks in batches:
                    yield chunks

        return ask


def _exact(endpoint: Endpoint) -> Mapping[str, Any]:
    """Return `EXACT`, except for what the endpoint's own settings say."""
    said = {**endpoint.extra_body, "temperature": endpoint.temperature}
    return {key: value for key, value in EXACT.items() if said.get(key) is None}


def _model_of(member: Endpoint, pool: Endpoint, model: str) -> str:
    """Return a member's name for a model that the pool's own map has already named."""
    return model if member.models == pool.models else member.models.get(model, model)
