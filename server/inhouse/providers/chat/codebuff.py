"""Codebuff's backend as a remote: each agent's run is started, asked and finished there.

One START and one FINISH for each run, however many answers it has; a sub-agent's START names its
parent runs (docs/reference/endpoints.md).  Needs a paid key.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from inhouse.core.endpoint_kinds import ChatApi
from inhouse.core.errors import InhouseError, ProviderError
from inhouse.core.json_values import fields, text
from inhouse.core.ports import Chunks, Prompt
from inhouse.core.route import Endpoint
from inhouse.providers.chat.stream_model import Ask
from inhouse.providers.endpoints.endpoint_errors import ModelRef
from inhouse.providers.endpoints.http_json import post_json

if TYPE_CHECKING:
    from inhouse.providers.network.egress import Egress

FINISH_SECONDS = 2.0


@define(eq=False)
class BackendRun:
    """One run of one agent at the backend: started when it is first needed, finished once."""

    endpoint: Endpoint
    egress: "Egress"
    agent_id: str
    parent: "BackendRun | None" = None
    """The run of the agent that spawned this one, if that is at the same backend."""
    steps: int = 0
    """How many answers were requested."""
    _id: str | None = None
    _starting: asyncio.Lock = field(factory=asyncio.Lock)

    async def id(self) -> str:
        """Return the backend's id of this run, starting it if necessary.

        Raises `ProviderError`.
        """
        async with self._starting:
            if self._id is None:
                self._id = await self._start()
            return self._id

    async def finish(self, status: str) -> None:
        """Report the end of the run; whether that succeeds does not matter to the user."""
        run_id, self._id = self._id, None
        if run_id is None:
            return
        body = {
            "action": "FINISH",
            "runId": run_id,
            "status": status,
            "totalSteps": self.steps,
            "directCredits": 0,
            "totalCredits": 0,
        }
        try:
            async with asyncio.timeout(FINISH_SECONDS):
                await post_json(self.endpoint, "agent-runs", body, self.egress)
        except (InhouseError, TimeoutError):
            return

    async def _start(self) -> str:
        ancestors = await self._ancestors()
        body = {"action": "START", "agentId": self.agent_id, "ancestorRunIds": ancestors}
        told = fields(await post_json(self.endpoint, "agent-runs", body, self.egress))
        if run_id := text(told.get("runId")):
            return run_id
        place = ModelRef(self.endpoint, "")
        raise ProviderError(f"{place}: the backend started no run.", code="bad_answer")

    async def _ancestors(self) -> list[str]:
        above = self.parent
        if above is None or above.endpoint != self.endpoint:
            return []
        return [*await above._ancestors(), await above.id()]  # noqa: SLF001  the same class


@asynccontextmanager
async def backend_run(
    endpoint: Endpoint, egress: "Egress", agent_id: str, parent: BackendRun | None = None
) -> AsyncGenerator[BackendRun | None]:
    """Open what a run at this endpoint needs besides its answers; None if nothing."""
    if endpoint.kind.profile.chat is not ChatApi.CODEBUFF:
        yield None
        return
    run = BackendRun(endpoint, egress, agent_id, parent)
    status = "completed"
    try:
        yield run
    except BaseException as error:
        status = "failed" if isinstance(error, Exception) else "cancelled"
        raise
    finally:
        await run.finish(status)


@frozen
class CodebuffChat:
    """A chat completion with the run's id."""

    run: BackendRun
    chat: Callable[[Mapping[str, Any]], Ask]
    """Makes an `Ask` that sends this along in its body."""

    async def ask(self, prompt: Prompt) -> AsyncGenerator[Chunks]:
        metadata = {"codebuff_metadata": {"run_id": await self.run.id()}}
        self.run.steps += 1
        async with aclosing(self.chat(metadata)(prompt)) as batches:
            async for chunks in batches:
                yield chunks
