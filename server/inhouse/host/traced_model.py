"""A model whose requests the log tells about, as the setting ``trace`` wants."""

import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from attrs import frozen

from inhouse.core.events import Answered, ModelChunk, TextDelta, ToolCallReady
from inhouse.core.logs import TRACE
from inhouse.core.ports import Model, Prompt


@frozen
class TracedModel:
    """Tells each request and each answer to `TRACE`; keys are taken out on the way."""

    inner: Model
    name: str
    """The endpoint and the model, for people."""

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncGenerator[AsyncIterator[ModelChunk]]:
        """Open one answer."""
        TRACE.info(
            "asking %s: %d messages, %d tools", self.name, len(prompt.messages), len(prompt.tools)
        )
        TRACE.debug("system: %s", prompt.system)
        for message in prompt.messages:
            TRACE.debug("%s", message)
        began = time.monotonic()
        try:
            async with self.inner.stream(prompt) as chunks:
                yield self._told(chunks) if TRACE.isEnabledFor(logging.DEBUG) else chunks
        finally:
            TRACE.info("%s was done after %.2f s", self.name, time.monotonic() - began)

    async def _told(self, chunks: AsyncIterator[ModelChunk]) -> AsyncIterator[ModelChunk]:
        said: list[str] = []
        async for chunk in chunks:
            match chunk:
                case TextDelta(text):
                    said.append(text)
                case ToolCallReady(call):
                    TRACE.debug("calls %s %s", call.name, call.arguments)
                case Answered(reason, model):
                    TRACE.debug("%s said (%s): %s", model or self.name, reason, "".join(said))
                case _:
                    pass
            yield chunk


def traced(model: Model, name: str) -> Model:
    """Wrap a model where somebody wants to know; else it stays as it is."""
    return TracedModel(model, name) if TRACE.isEnabledFor(logging.INFO) else model
