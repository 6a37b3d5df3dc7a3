"""What every answer passes on its way: is it local, does it fit, how are tools called here."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import TYPE_CHECKING

from attrs import define, evolve, field

from inhouse.core.errors import ToolsUnsupportedError
from inhouse.core.events import (
    Answered,
    ModelChunk,
    Notice,
    TextDelta,
    ToolCallReady,
    UsageReported,
)
from inhouse.core.messages import ToolCall
from inhouse.core.ports import Prompt
from inhouse.core.route import Endpoint, Privacy, ToolMode
from inhouse.providers.chat.stream_model import Ask
from inhouse.providers.endpoints.endpoint_errors import ModelRef
from inhouse.providers.endpoints.endpoint_state import EndpointState
from inhouse.providers.endpoints.locality import require_local
from inhouse.providers.endpoints.token_count import Need, check_fits, cut_notice, is_small, need_of
from inhouse.providers.endpoints.tool_support import native_tools
from inhouse.providers.tool_calls.modes import SchemaAnswer, in_mode, profile_mode
from inhouse.providers.tool_calls.text_parser import recover

if TYPE_CHECKING:
    from inhouse.providers.network.egress import Egress


@define(eq=False)
class Guard:
    """Wraps the asking of one model at one endpoint for one run."""

    endpoint: Endpoint
    model: str
    egress: "Egress"
    shared: EndpointState
    ask: Ask
    _checked: bool = False

    async def chunks(self, prompt: Prompt) -> AsyncGenerator[ModelChunk]:
        await self._check_local()
        async with self.shared.slot(self.endpoint):
            mode = await self._mode() if prompt.tools else ToolMode.NATIVE
            refused: ToolsUnsupportedError | None = None
            try:
                asked, answer = await self._prepared(prompt, mode)
                async with aclosing(self.ask(asked)) as chunks:
                    async for chunk in chunks:
                        if isinstance(chunk, TextDelta) and mode is not ToolMode.SCHEMA:
                            answer.texts.append(chunk.text)
                            yield chunk  # nearly every chunk is one of these
                        else:
                            for told in answer.take(chunk):
                                yield told
                if answer.cut:
                    await self.shared.learn(self.endpoint, self.model, truncated=answer.cut)
            except ToolsUnsupportedError as error:
                if mode is not ToolMode.NATIVE or not prompt.tools or self.endpoint.tools:
                    raise
                refused = error
        if refused is not None:
            yield Notice("info", "tools_in_text", f"{refused}  They are described in the text.")
            await self.shared.learn(self.endpoint, self.model, tools=ToolMode.TEXT.value)
            async with aclosing(self.chunks(prompt)) as chunks:
                async for chunk in chunks:
                    yield chunk

    async def _prepared(self, prompt: Prompt, mode: ToolMode) -> tuple[Prompt, "_Answer"]:
        """Return the prompt as it is sent, once it is known to fit, and what reads the answer."""
        asked = in_mode(prompt, mode)
        need, place = need_of(asked), ModelRef(self.endpoint, self.model)
        window = await self._window_for(asked, need, place)
        return asked, _Answer(prompt, mode, place, need, window)

    async def _check_local(self) -> None:
        """Once a run, before a byte of its prompt is sent."""
        policy = self.egress.policy
        if policy.privacy is Privacy.LOCAL_ONLY and not self._checked:
            source = policy.privacy_source
            await require_local(self.endpoint, self.model, self.egress, privacy_source=source)
            self._checked = True

    async def _mode(self) -> ToolMode:
        """The setting, else what was found out, else what the server tells."""
        if self.endpoint.tools is not None:
            return self.endpoint.tools
        known = profile_mode(await self.shared.profile(self.endpoint, self.model))
        if known is None:
            known = await native_tools(self.endpoint, self.model, self.egress)
            if known is None:
                return ToolMode.NATIVE
            await self.shared.learn(self.endpoint, self.model, tools=known.value)
        return known

    async def _window_for(self, prompt: Prompt, need: Need, place: ModelRef) -> int | None:
        """Return the server's window once it is known that the prompt fits."""
        if is_small(self.endpoint, need):
            return None
        window = await self.shared.windows.window(self.endpoint, self.model, self.egress)
        if window is not None:
            await check_fits(prompt, need, window, place, self.egress)
        return window


def _other_model(place: ModelRef, answered: Answered) -> Notice | None:
    """LM Studio answers with another model where the asked one is not loaded (backends.md, Q15)."""
    told = (answered.model or "").lower()
    asked = place.model.lower()
    remedy = place.endpoint.kind.profile.swapped_model_remedy
    if remedy is None or not told or told in asked or asked in told:
        return None
    return Notice(
        "warning",
        "other_model",
        f"{place} was answered by {answered.model!r}.  {remedy.format(model=place.model)}, or map "
        f"the name with {place.setting('models')}.",
    )


@define(eq=False)
class _Answer:
    """Collects what the end of an answer is judged by."""

    _prompt: Prompt
    _mode: ToolMode
    _place: ModelRef
    _need: Need
    _window: int | None
    cut: str = ""
    """What the doctor says later where the server cut the prompt."""
    texts: list[str] = field(factory=list[str])
    _native: int = 0
    _schema: SchemaAnswer = field(factory=SchemaAnswer)

    def take(self, chunk: ModelChunk) -> Iterator[ModelChunk]:
        match chunk:
            case TextDelta(text) if self._prompt.tools:
                self.texts.append(text)
                if told := self._schema.take(text):
                    yield TextDelta(told)
            case UsageReported():
                read = chunk.input_tokens
                if notice := cut_notice(self._place, self._need, read, self._window):
                    self.cut = f"{read:,} tokens were read of a prompt of {self._need.least:,}"
                    yield notice
                yield chunk
            case Answered():
                if other := _other_model(self._place, chunk):
                    yield other
                yield from self._end(chunk)
            case _:
                self._native += isinstance(chunk, ToolCallReady)
                yield chunk

    def _end(self, answered: Answered) -> Iterator[ModelChunk]:
        calls: tuple[ToolCall, ...] = ()
        tools = self._prompt.tools
        if tools and self._mode is ToolMode.SCHEMA and not self._native:
            rest, call = self._schema.end()
            if rest:
                yield TextDelta(rest)
            calls = (call,) if call is not None else ()
        if tools and not calls:
            text, only = "".join(self.texts), self._native > 0
            calls = recover(text, tools, self._prompt.messages, codebuff_only=only)
        for call in calls:
            yield ToolCallReady(call)
        if calls and answered.finish_reason == "stop":
            answered = evolve(answered, finish_reason="tool_calls")
        yield answered
