"""A model whose words hold no key: what it says is clean before anything else hears it."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager

import attrs
from attrs import define, field, frozen

from inhouse.core.events import (
    EditChanged,
    EventPayload,
    ModelChunk,
    Notice,
    QuestionAsked,
    ReasoningDelta,
    TextDelta,
    ToolFinished,
    ToolOutput,
    ToolStarted,
)
from inhouse.core.ports import Model, Prompt
from inhouse.core.redaction import StreamRedactor, knows_keys, redact_value


@frozen
class RedactingModel:
    """Takes known keys out of text and thinking, also where they are split over pieces.

    What a tool is to write stays as it is: only what is shown of it is cleaned (`cleaned`).
    """

    inner: Model

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncGenerator[AsyncIterator[ModelChunk]]:
        """Open one answer."""
        async with self.inner.stream(prompt) as chunks:
            yield _Cleaner().read(chunks) if knows_keys() else chunks


@define
class _Cleaner:
    _text: StreamRedactor = field(factory=StreamRedactor)
    _thinking: StreamRedactor = field(factory=StreamRedactor)

    async def read(self, chunks: AsyncIterator[ModelChunk]) -> AsyncIterator[ModelChunk]:
        try:
            async for chunk in chunks:
                match chunk:
                    case TextDelta(text):
                        if clean := self._text.feed(text):
                            yield TextDelta(clean)
                    case ReasoningDelta(text):
                        if clean := self._thinking.feed(text):
                            yield ReasoningDelta(clean)
                    case _:
                        for rest in self._rest():
                            yield rest
                        yield chunk
        except Exception:
            for rest in self._rest():
                yield rest
            raise
        for rest in self._rest():
            yield rest

    def _rest(self) -> Iterator[ModelChunk]:
        if thinking := self._thinking.end():
            yield ReasoningDelta(thinking)
        if text := self._text.end():
            yield TextDelta(text)


_SHOWN: Mapping[type[EventPayload], str] = {
    ToolStarted: "input",
    ToolFinished: "summary",
    ToolOutput: "text",
    EditChanged: "diff",
    QuestionAsked: "text",
    Notice: "message",
}
"""Where each may hold a key; a model's text and a result are clean already."""


def cleaned(payload: EventPayload) -> EventPayload:
    """Give what happened as it may be shown."""
    name = _SHOWN.get(type(payload))
    if name is None or not knows_keys():
        return payload
    return attrs.evolve(payload, **{name: redact_value(getattr(payload, name))})
