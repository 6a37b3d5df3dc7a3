"""Guards every request: whether the model is local, the prompt fits, and how tools are called."""

import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import TYPE_CHECKING

from attrs import Factory, define, evolve, field

from inhouse.core.endpoint_kinds import ChatApi, known_dialect
from inhouse.core.errors import ProviderError, ToolsUnsupportedError
from inhouse.core.events import (
    REPETITION,
    Answered,
    ModelChunk,
    Notice,
    ReasoningDelta,
    TextDelta,
    ThoughtSoFar,
    ToolCallReady,
    UsageReported,
)
from inhouse.core.messages import ToolCall
from inhouse.core.ports import Chunks, Prompt
from inhouse.core.route import Endpoint, Privacy, ToolMode
from inhouse.providers.chat.stream_model import Ask
from inhouse.providers.chat.think_tags import answer_within, end_of_lone_thoughts
from inhouse.providers.endpoints.endpoint_errors import ModelRef
from inhouse.providers.endpoints.endpoint_state import EndpointState
from inhouse.providers.endpoints.locality import require_local
from inhouse.providers.endpoints.picture_support import (
    may_be_about_pictures,
    pictures_in,
    takes_pictures,
    without_pictures,
)
from inhouse.providers.endpoints.served_model import ServedModel
from inhouse.providers.endpoints.token_count import Need, check_fits, cut_notice, is_small, need_of
from inhouse.providers.endpoints.tool_support import (
    UNKNOWN,
    is_local_server,
    mode_for,
    served_in_time,
)
from inhouse.providers.tool_calls.dirty_calls import understood
from inhouse.providers.tool_calls.files_dialect import form_of, known_files, with_plain_files
from inhouse.providers.tool_calls.modes import (
    CALL_FORM,
    SchemaAnswer,
    in_mode,
)
from inhouse.providers.tool_calls.runaway import Runaway
from inhouse.providers.tool_calls.text_parser import read_answer

if TYPE_CHECKING:
    from inhouse.providers.network.egress import Egress

NO_CALL = "Your answer was to call a tool, but no call arrived."
LEAST_ANSWER = 2_048
"""Tokens that an answer of a local model may always have; else half of its window."""


@define(eq=False)
class Guard:
    """Wraps the requests of one run to one model at one endpoint."""

    endpoint: Endpoint
    model: str
    egress: "Egress"
    shared: EndpointState
    ask: Ask
    served: ServedModel | None = None
    """What the server said about its model; None if not asked yet."""
    _checked: bool = False
    _pictures: bool | None = None
    """Whether pictures are sent; None if the server was not asked yet."""
    _is_local: bool = field(
        init=False, default=Factory(lambda own: is_local_server(own.endpoint), takes_self=True)
    )

    def chunks(self, prompt: Prompt) -> AsyncGenerator[Chunks]:
        return self._with_pictures(prompt) if pictures_in(prompt) else self._chunks(prompt)

    async def _with_pictures(self, prompt: Prompt) -> AsyncGenerator[Chunks]:
        """Ask with the pictures if the model takes them; otherwise say so and ask without."""
        await self._check_local()
        refused = begun = False
        said = ""
        if await self._takes_pictures():
            try:
                async with aclosing(self._chunks(prompt)) as batches:
                    async for chunks in batches:
                        begun = True
                        yield chunks
            except ProviderError as error:
                if begun or not may_be_about_pictures(error):
                    raise
                refused, said = True, f"  {error}"
                self._pictures = False
            if not refused:
                return
        async with aclosing(self._chunks(without_pictures(prompt))) as batches:
            async for chunks in batches:
                if not begun:
                    begun = True
                    yield (_pictures_not_sent(self, pictures_in(prompt), said),)
                yield chunks

    async def _takes_pictures(self) -> bool:
        """Find out once per run, by trying if necessary."""
        if self._pictures is None:
            known = known_dialect(self.endpoint.kind, self.endpoint.base_url)
            dialect = await self.shared.dialect(self.endpoint, self.model, known)
            told = await takes_pictures(self.endpoint, self.model, self.egress)
            self._pictures = dialect.pictures and told is not False
        return self._pictures

    async def _chunks(self, prompt: Prompt) -> AsyncGenerator[Chunks]:
        await self._check_local()
        async with self.shared.slot(self.endpoint):
            mode = await self._mode() if prompt.tools else ToolMode.NATIVE
            refused: ToolsUnsupportedError | None = None
            try:
                asked, answer = await self._prepared(prompt, mode)
                answer.watched = Runaway() if self._is_local else None
                async with aclosing(self.ask(asked)) as batches:
                    async for chunks in batches:
                        told: list[ModelChunk] = []
                        try:
                            answer.read(chunks, told)
                        finally:  # What was said before an error counts.
                            if told:
                                yield told
                        if answer.ran_away:
                            break
                await self._learn_from(answer, prompt, mode)
            except ToolsUnsupportedError as error:
                if mode is not ToolMode.NATIVE or not prompt.tools or self.endpoint.tools:
                    raise
                refused = error
        if refused is not None:
            yield (Notice("info", "tools_in_text", f"{refused}  They are described in the text."),)
            await self._learn_mode(ToolMode.FILES)
            async with aclosing(self._chunks(prompt)) as batches:
                async for chunks in batches:
                    yield chunks

    async def _prepared(self, prompt: Prompt, mode: ToolMode) -> tuple[Prompt, "_Answer"]:
        """Return the prompt as sent, once it is known to fit, and the reader of the answer."""
        asked = in_mode(prompt, mode)
        own = self.endpoint
        if mode is ToolMode.NATIVE and self._is_local:
            asked = evolve(asked, messages=with_plain_files(asked.messages))
        if asked.temperature is None and own.temperature is not None:
            asked = evolve(asked, temperature=own.temperature)
        if own.max_tokens is not None:
            limit = min(asked.max_output_tokens or own.max_tokens, own.max_tokens)
            asked = evolve(asked, max_output_tokens=limit)
        if prompt.tools and asked.temperature is None and self._is_local:
            asked = evolve(asked, temperature=0.0)
        need, place = need_of(asked), ModelRef(self.endpoint, self.model)
        window = None
        if not is_small(own, need):
            window = await self.shared.windows.window(own, self.model, self.egress)
        if window is not None:
            await check_fits(asked, need, window, place, self.egress)
        told = window or own.context_window or (self.served.window if self.served else None)
        if asked.max_output_tokens is None and told and self._limits_answers():
            asked = evolve(asked, max_output_tokens=max(told // 2, LEAST_ANSWER))
        return asked, _Answer(prompt, mode, place, need, window)

    def _limits_answers(self) -> bool:
        """Return whether answers are limited here, not together with a window set by requests."""
        return self._is_local and self.endpoint.kind.profile.chat is not ChatApi.OLLAMA

    async def _check_local(self) -> None:
        """Check, once per run, before any byte of its prompt is sent."""
        policy = self.egress.policy
        if policy.privacy is Privacy.LOCAL_ONLY and not self._checked:
            source = policy.privacy_source
            await require_local(self.endpoint, self.model, self.egress, privacy_source=source)
            self._checked = True

    async def _mode(self) -> ToolMode:
        """Return the setting, else what was found out, else what the server says."""
        if self.endpoint.tools is None and self.served is None:
            self.served = await served_in_time(self.endpoint, self.model, self.egress, self.shared)
        served = self.served or UNKNOWN
        known = await mode_for(self.endpoint, self.model, served, self.shared)
        return known or ToolMode.NATIVE

    def _name(self) -> str:
        """Return the model's name for what was learnt: the one that the server itself reports."""
        return (self.served.name if self.served is not None else "") or self.model

    async def _learn_mode(self, mode: ToolMode) -> None:
        await self.shared.learn(self.endpoint, self._name(), tools=mode.value)

    async def _learn_from(self, answer: "_Answer", prompt: Prompt, mode: ToolMode) -> None:
        if answer.cut:
            await self.shared.learn(self.endpoint, self.model, truncated=answer.cut)
        if self.served is not None and answer.other_model_than_before(self.served.name):
            self.served = None  # another file is now served there
            self.shared.served.forget(self.endpoint, self.model)
        if (
            mode is ToolMode.NATIVE
            and prompt.tools
            and answer.left_in_text
            and self.endpoint.tools is None
            and self._is_local
        ):
            await self._learn_mode(ToolMode.FILES)


def _pictures_not_sent(guard: Guard, count: int, said: str) -> Notice:
    place = ModelRef(guard.endpoint, guard.model)
    what = "the picture was" if count == 1 else f"{count} pictures were"
    return Notice(
        "warning",
        "pictures_not_sent",
        f"{place} does not accept pictures, so {what} not sent.  Choose a model that accepts "
        f"pictures.{said}",
    )


def _other_model(place: ModelRef, answered: Answered) -> Notice | None:
    """Warn if another model answered, as LM Studio does if one is not loaded (backends.md, Q15)."""
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


_ODD_END = re.compile(
    r"error|fail|malform|abort|timeout|cancel|block|recitation|prohibit|invalid|unexpected|too_many",
    re.IGNORECASE,
)
_TOOL_FLAGS = (
    "Start the server with its reader for this model's calls (llama-server --jinja; vLLM "
    "--enable-auto-tool-choice --tool-call-parser NAME; SGLang --tool-call-parser NAME), or set "
    '`tools` of the endpoint to "text"'
)
_THOUGHT_FLAGS = (
    "Start the server with its reader for this model's thoughts (llama-server --reasoning-format "
    "auto; vLLM and SGLang --reasoning-parser NAME)"
)
_THOUGHT_MARK = re.compile(
    r"<\|(?:channel|message|start)\|>(?!commentary)|\[/?THINK\]|<channel\|>|\u25c1/?think\u25b7"
    r"|<\|(?:END|START)_THINKING\|>|^</?(?:seed:|mm:)?think(?:ing)?>$",
    re.MULTILINE,
)


@define(eq=False)
class _Answer:
    """Collects what an answer is judged by at its end."""

    _prompt: Prompt
    _mode: ToolMode
    _place: ModelRef
    _need: Need
    _window: int | None
    cut: str = ""
    """What the doctor says later if the server cut the prompt."""
    texts: list[str] = field(factory=list[str])
    thoughts: list[str] = field(factory=list[str])
    left_in_text: bool = False
    """Whether a call that should have been native was in the text."""
    _native: int = 0
    said_model: str = ""
    watched: Runaway | None = None
    """Looks for an answer that repeats itself for ever."""
    ran_away: bool = False
    _schema: SchemaAnswer = field(factory=SchemaAnswer)

    def read(self, chunks: Chunks, told: list[ModelChunk]) -> None:
        plain, watched = self._mode is not ToolMode.SCHEMA, self.watched
        for chunk in chunks:
            if plain and type(chunk) is TextDelta:
                self.texts.append(chunk.text)
                told.append(chunk)  # nearly every chunk is one of these
                if watched is not None and watched.goes_on(chunk.text, chunk.pieces):
                    told.append(Answered(REPETITION, self.said_model or None))
                    self.ran_away = True
                    return
            else:
                told += self.take(chunk)

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
                yield from self._thoughts_before()
                yield from self._odd_end(chunk)
                if other := _other_model(self._place, chunk):
                    yield other
                yield from self._end(chunk)
            case ThoughtSoFar():
                self.texts.clear()
                yield chunk
            case ReasoningDelta(text) if self._prompt.tools:
                self.thoughts.append(text)
                yield chunk
            case ToolCallReady(call):
                self._native += 1
                yield ToolCallReady(understood(call, self._prompt.tools))
            case _:
                yield chunk

    def _odd_end(self, answered: Answered) -> Iterator[ModelChunk]:
        """Say why the model finished, if unusual (``native_finish_reason``)."""
        native = answered.native_reason
        nothing = not "".join(self.texts).strip() and not self._native
        if native and (nothing or _ODD_END.search(native)):
            message = f"{self._place}: the answer ended with {self._place.quote(native)!r}."
            yield Notice("warning", "native_finish_reason", message)

    def _left_over(self, unread: str) -> Iterator[ModelChunk]:
        """Warn about calls that a server should have parsed, with the flag that makes it do so."""
        kind = self._place.endpoint.kind.profile
        if unread and self._mode is ToolMode.NATIVE:
            remedy = kind.tools_remedy or _TOOL_FLAGS
            yield Notice(
                "warning",
                "call_in_text",
                f"{self._place} left a tool call in its text, and it could not be read.  {remedy}.",
            )
        said = "".join(self.texts)
        if (mark := _THOUGHT_MARK.search(said)) and said[: mark.start()].count("`") % 2 == 0:
            yield Notice(
                "warning",
                "thoughts_in_text",
                f"{self._place} left {mark[0]!r} of its thinking in its text.  {_THOUGHT_FLAGS}.",
            )

    def _thoughts_before(self) -> Iterator[ModelChunk]:
        """Separate from the answer what only a closing tag marks as thinking."""
        said = "".join(self.texts)
        if end := end_of_lone_thoughts(said):
            rest = answer_within(said[end:])
            self.texts = [rest]
            yield ThoughtSoFar()
            if rest.strip():
                yield TextDelta(rest)

    def other_model_than_before(self, name: str) -> bool:
        """Return whether another model answered, since servers name their file with each answer."""
        said = self.said_model
        return bool(name and said.endswith(".gguf")) and _file_name(said) != _file_name(name)

    def _end(self, answered: Answered) -> Iterator[ModelChunk]:
        calls: tuple[ToolCall, ...] = ()
        tools = self._prompt.tools
        self.said_model = answered.model or ""
        if tools and self._mode is ToolMode.SCHEMA and not self._native:
            rest, call = self._schema.end()
            if rest:
                yield TextDelta(rest)
            calls = (call,) if call is not None else ()
        if tools and not calls:
            promised = answered.finish_reason == "tool_calls" or answered.unparsed
            found = read_answer(
                "".join(self.texts),
                tools,
                self._prompt.messages,
                codebuff_only=self._native > 0,
                files=self._mode is ToolMode.FILES and not answered.unparsed,
                promised=promised or "gpt-oss" in f"{self._place.model} {answered.model}".lower(),
                whole=answered.unparsed,
            )
            nothing = not (found.calls or self._native or "".join(self.texts).strip())
            if nothing and not answered.unparsed:
                thoughts = "".join(self.thoughts)
                found = read_answer(thoughts, tools, self._prompt.messages, at_the_end=True)
            calls = found.calls
            if promised and not (calls or found.unread):
                found = evolve(found, unread="" if self._native else NO_CALL)
            self.left_in_text = bool(calls) and not self._native
            in_text = bool(calls) and not self._native
            form = "" if calls or self._native else _form(self._prompt, self._mode)
            yield from self._left_over("" if calls else found.unread)
            answered = evolve(answered, in_text=in_text, unread=found.unread, form=form)
        for call in calls:
            yield ToolCallReady(call)
        if calls and answered.finish_reason == "stop":
            answered = evolve(answered, finish_reason="tool_calls")
        yield answered


def _file_name(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]


def _form(prompt: Prompt, mode: ToolMode) -> str:
    """Show how to write a call, with the path filled in if only one file is meant."""
    match mode:
        case ToolMode.FILES:
            known = tuple(known_files(prompt.messages))
            specs = {tool.name: tool for tool in prompt.tools}
            return form_of(specs, known[0] if known else "")
        case ToolMode.NATIVE:
            return "Make it as a tool call, not in your text."
        case ToolMode.TEXT:
            return CALL_FORM
        case ToolMode.SCHEMA:
            return 'Answer with {"tool": "NAME", "input": {...}}.'
