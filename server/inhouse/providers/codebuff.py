"""Codebuff's backend as a remote: each answer belongs to a run that is started and finished."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from attrs import frozen

from inhouse.core.errors import InhouseError, ProviderError
from inhouse.core.events import Answered, ModelChunk
from inhouse.core.ports import Prompt
from inhouse.core.route import Endpoint
from inhouse.providers.asking import post_json
from inhouse.providers.failures import Place
from inhouse.providers.json_values import fields, text
from inhouse.providers.streamed import Ask

if TYPE_CHECKING:
    from inhouse.providers.egress import Egress

FINISH_SECONDS = 2.0


@frozen
class CodebuffChat:
    """START, one chat completion with the run's id, FINISH.  Needs a paid key."""

    endpoint: Endpoint
    model: str
    egress: "Egress"
    agent_id: str
    chat: Callable[[Mapping[str, Any]], Ask]
    """Makes an `Ask` that sends this along in its body."""

    async def ask(self, prompt: Prompt) -> AsyncGenerator[ModelChunk]:
        run_id = await self._start()
        status = "cancelled"
        try:
            metadata = {"codebuff_metadata": {"run_id": run_id}}
            async with aclosing(self.chat(metadata)(prompt)) as chunks:
                async for chunk in chunks:
                    if isinstance(chunk, Answered):
                        status = "completed"
                    yield chunk
        except InhouseError:
            status = "failed"
            raise
        finally:
            await self._finish(run_id, status)

    async def _start(self) -> str:
        body = {"action": "START", "agentId": self.agent_id}
        told = fields(await post_json(self.endpoint, "agent-runs", body, self.egress))
        if run_id := text(told.get("runId")):
            return run_id
        place = Place(self.endpoint, self.model)
        raise ProviderError(f"{place}: the backend started no run.", code="bad_answer")

    async def _finish(self, run_id: str, status: str) -> None:
        """Tell that it is over; whether that succeeds changes nothing for the user."""
        body = {
            "action": "FINISH",
            "runId": run_id,
            "status": status,
            "totalSteps": 1,
            "directCredits": 0,
            "totalCredits": 0,
        }
        try:
            async with asyncio.timeout(FINISH_SECONDS):
                await post_json(self.endpoint, "agent-runs", body, self.egress)
        except (InhouseError, TimeoutError):
            return
