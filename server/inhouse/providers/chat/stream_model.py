"""A model made of one function that asks it."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager

from attrs import frozen

from inhouse.core.events import ModelChunk
from inhouse.core.ports import Prompt

TRIES = 4
"""How often a server is asked before it is given up (`inhouse.providers.chat.retry`)."""

Chunks = AsyncGenerator[ModelChunk]
Ask = Callable[[Prompt], Chunks]
"""Closing what it returns closes the connection."""


@frozen
class Streamed:
    """`inhouse.core.ports.Model` around an `Ask`."""

    ask: Ask

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncGenerator[AsyncIterator[ModelChunk]]:
        chunks = self.ask(prompt)
        try:
            yield chunks
        finally:
            await chunks.aclose()
