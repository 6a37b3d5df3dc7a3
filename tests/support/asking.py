"""Ask a model once and keep what it says."""

from collections.abc import Sequence
from typing import Any

from attrs import define, field

from inhouse.core.endpoint_kinds import Kind
from inhouse.core.events import (
    Answered,
    ModelChunk,
    Notice,
    ReasoningDelta,
    TextDelta,
    ToolCallReady,
    UsageReported,
)
from inhouse.core.messages import ToolCall, UserMessage
from inhouse.core.ports import Model, Prompt, ToolSpec
from inhouse.core.route import Endpoint

READ_FILES = ToolSpec(
    "read_files",
    "Read files.",
    {
        "type": "object",
        "properties": {"paths": {"type": "array", "items": {"type": "string"}}},
        "required": ["paths"],
    },
)


def endpoint(base_url: str, kind: Kind = Kind.OPENAI, **more: Any) -> Endpoint:
    return Endpoint(
        name=more.pop("name", "box"),
        kind=kind,
        base_url=base_url,
        source=more.pop("source", "inhouse.toml, endpoints.box"),
        **more,
    )


def prompt(text: str = "hello", **more: Any) -> Prompt:
    return Prompt(system=more.pop("system", ""), messages=(UserMessage(text),), **more)


@define
class Said:
    chunks: list[ModelChunk] = field(factory=list)
    error: BaseException | None = None

    @property
    def text(self) -> str:
        return "".join(chunk.text for chunk in self.chunks if isinstance(chunk, TextDelta))

    @property
    def reasoning(self) -> str:
        return "".join(chunk.text for chunk in self.chunks if isinstance(chunk, ReasoningDelta))

    @property
    def calls(self) -> list[ToolCall]:
        return [chunk.call for chunk in self.chunks if isinstance(chunk, ToolCallReady)]

    @property
    def notices(self) -> list[Notice]:
        return [chunk for chunk in self.chunks if isinstance(chunk, Notice)]

    @property
    def usage(self) -> UsageReported | None:
        return next((c for c in self.chunks if isinstance(c, UsageReported)), None)

    @property
    def answered(self) -> Answered | None:
        last = self.chunks[-1] if self.chunks else None
        return last if isinstance(last, Answered) else None


async def ask(model: Model, asked: Prompt | None = None, *, stop_after: int | None = None) -> Said:
    """Keep everything, also what came before an error."""
    said = Said()
    try:
        async with model.stream(asked or prompt()) as batches:
            async for chunks in batches:
                said.chunks += chunks
                if stop_after is not None and len(said.chunks) >= stop_after:
                    del said.chunks[stop_after:]
                    break
    except Exception as error:
        said.error = error
    return said


def names(calls: Sequence[ToolCall]) -> list[tuple[str, str]]:
    return [(call.name, call.arguments) for call in calls]
