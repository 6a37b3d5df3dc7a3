"""A model made from one function that asks it."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from attrs import frozen

from inhouse.core.events import ModelChunk, ReasoningDelta, TextDelta
from inhouse.core.ports import Chunks, Prompt

TRIES = 4
"""How often a server is asked before giving up (`inhouse.providers.chat.retry`)."""

Ask = Callable[[Prompt], AsyncGenerator[Chunks]]
"""Closing what it returns closes the connection."""


def add_joined(chunks: list[ModelChunk], new: Iterable[ModelChunk]) -> None:
    """Add chunks; text right after text, and thinking right after thinking, become one."""
    for chunk in new:
        kind = type(chunk)
        if chunks and kind is type(last := chunks[-1]):
            if isinstance(chunk, TextDelta) and isinstance(last, TextDelta):
                chunks[-1] = TextDelta(last.text + chunk.text, last.pieces + chunk.pieces)
                continue
            if isinstance(chunk, ReasoningDelta) and isinstance(last, ReasoningDelta):
                chunks[-1] = ReasoningDelta(last.text + chunk.text, last.pieces + chunk.pieces)
                continue
        chunks.append(chunk)


@frozen
class Streamed:
    """`inhouse.core.ports.Model` around an `Ask`."""

    ask: Ask

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncGenerator[AsyncIterator[Chunks]]:
        chunks = self.ask(prompt)
        try:
            yield chunks
        finally:
            await chunks.aclose()
