"""A model that follows a script.  Public: for tests, demos and docs."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import asynccontextmanager

from attrs import frozen

from inhouse.core.events import Answered, ModelChunk, TextDelta, ToolCallReady
from inhouse.core.messages import ToolCall
from inhouse.core.ports import Chunks, Prompt


@frozen
class Pause:
    """Silence for some seconds."""

    seconds: float


@frozen
class Fail:
    """The endpoint breaks here."""

    error: Exception


Turn = Iterable[ModelChunk | Pause | Fail]


class ScriptedModel:
    """Plays *turns*, one for each prompt, and keeps the prompts it was sent.

    A turn that does not end with `Answered` gets one.  After the last turn it says "done".
    """

    def __init__(self, *turns: Turn) -> None:
        self._turns = iter(turns)
        self.prompts: list[Prompt] = []
        self.open_streams = 0

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncGenerator[AsyncIterator[Chunks]]:
        self.prompts.append(prompt)
        self.open_streams += 1
        chunks = _play(next(self._turns, (TextDelta("done"),)))
        try:
            yield chunks
        finally:
            self.open_streams -= 1
            await chunks.aclose()


def say(*pieces: str, finish_reason: str = "stop") -> Turn:
    """Make a turn of text."""
    return (*map(TextDelta, pieces), Answered(finish_reason))


def call(name: str, arguments: str = "{}", *, call_id: str = "") -> ModelChunk:
    """Make a chunk that calls a tool."""
    return ToolCallReady(ToolCall(call_id or f"call-{name}", name, arguments))


async def _play(turn: Turn) -> AsyncGenerator[Chunks]:
    answered = called = False
    for chunk in turn:
        match chunk:
            case Pause(seconds):
                await asyncio.sleep(seconds)
                continue
            case Fail(error):
                raise error
            case ToolCallReady():
                called = True
            case Answered():
                answered = True
            case _:
                pass
        yield (chunk,)
    if not answered:
        yield (Answered("tool_calls" if called else "stop"),)
