"""One step: one answer of the model and the tools it called, and whether the turn ends with it."""

import re

from attrs import define, field

from inhouse.core.events import REPETITION, Notice, StopReason
from inhouse.core.message_json import arguments_object
from inhouse.core.messages import AssistantMessage, UserMessage

from .model_call import next_answer
from .model_stream import ModelAnswer
from .nothing_done import EDIT_TOOLS, asks, can_edit, claims_a_change, has_edited
from .prompts import system_note
from .state import LoopContext
from .tool_calls import (
    END_TOOLS,
    QUIET_TOOLS,
    Called,
    Repeats,
    allowed_names,
    first_to_read,
    hands_on,
    must_be_read,
    run_calls,
    unique_ids,
)

MAX_UNREAD = 2
"""How often a model is told that what it wrote is not a valid call."""
_SHOWN = 300
MAX_IDLE = 3
"""How many answers in a row may do nothing, if turns must be ended explicitly."""

_NOTHING = "The model gave an empty answer.  `inhouse doctor` may show why."
_CONCLUDING = ("set_output", "task_completed")
"""With one of these a turn has an end of its own."""
_THOUGHTS = re.compile(r"<think>.*?(</think>|\Z)|</think>", re.DOTALL)
_STOPPED = {
    "length": (
        StopReason.MAX_TOKENS,
        "The answer was cut: the model reached its token limit for one answer.",
    ),
    REPETITION: (
        StopReason.MAX_TOKENS,
        "The answer was cut: the model repeated itself over and over.",
    ),
    "content_filter": (
        StopReason.REFUSAL,
        "The answer was cut: the server's content filter ended it.",
    ),
}
"""Finish reasons that end a run, with the message for the user."""


@define
class Stepper:
    """Takes a run's steps and counts what must not go on for ever."""

    run: LoopContext
    repeats: Repeats = field(factory=Repeats)
    idle: int = 0
    ended_with_error: bool = False
    unread: int = 0
    """Answers with something that looked like a call but was not one."""
    last_unread: str = ""
    acted: bool = False
    """Whether this run has changed, run or delegated anything."""
    called: bool = False
    """Anything was called in this run, or looked like a call."""
    written: set[str] = field(factory=set[str])
    """The paths that were edited by answers with edits alone, written as text."""
    reminded: bool = False
    """Whether the model was told that nothing was changed."""

    async def take(self) -> StopReason | None:
        """Take a step.  Returns None if the model has to continue."""
        answer = await next_answer(self.run)
        called = first_to_read(self.run, answer.calls) if answer.in_text else answer.calls
        text, calls = answer.text, unique_ids(self.run, called)
        if text or calls or answer.reasoning:
            self.run.state.add(AssistantMessage(text, calls, answer.reasoning, answer.origin))
        if answer.finish_reason in _STOPPED:
            # Its calls may be cut off too, so none of them is run.
            stopped, message = _STOPPED[answer.finish_reason]
            self.run.emit(Notice("warning", stopped.value, message))
            return stopped
        done = await run_calls(self.run, calls, allowed_names(self.run), self.repeats)
        self.acted = self.acted or any(map(self._acts, done))
        self.called = self.called or bool(calls or answer.unread)
        if answer.unread and self._told_unread(answer):
            return None
        reason = self._verdict(text, done)
        if reason is None and answer.in_text and self._wrote_all(done):
            return StopReason.END_TURN
        if reason is StopReason.END_TURN and self._only_says_so(answer):
            return self._remind(answer)
        return reason

    def _acts(self, called: Called) -> bool:
        return not called.result.failed and self._may_act(called.result.tool)

    def _may_act(self, name: str) -> bool:
        tool = self.run.tools.get(name)
        return tool is not None and (tool.writes or hands_on(self.run, tool.spec.name))

    def _wrote_all(self, done: list[Called]) -> bool:
        """Return whether every file that the task names is edited now and nothing else can follow.

        Another request would only have a small model say that it is done.
        """
        if any(one.result.failed or one.result.tool not in EDIT_TOOLS for one in done):
            return False
        for one in done:
            given = arguments_object(one.call.arguments) or {}
            self.written.add(str(given.get("path")))
        named = self.run.small.named if self.run.small else ()
        return (
            bool(named)
            and self.written.issuperset(named)
            and not any(
                name in _CONCLUDING or self._may_act(name)
                for name in {*allowed_names(self.run)} - EDIT_TOOLS
            )
        )

    def _told_unread(self, answer: ModelAnswer) -> bool:
        """Tell model and user what could not be read as a call; return False the last time."""
        again = bool(self.unread) and answer.text == self.last_unread
        self.unread, self.last_unread = self.unread + 1, answer.text
        self.run.emit(Notice("warning", "unread_call", _brief(answer.unread)))
        if again or self.unread > MAX_UNREAD:
            return False
        told = f"{answer.unread}\n\n{answer.form}".strip()
        self.run.state.add(UserMessage(system_note(told)))
        return True

    def _only_says_so(self, answer: ModelAnswer) -> bool:
        """Return whether an answer claims or owes a change that this run did not make."""
        return (
            not self.acted
            and not answer.calls
            and can_edit(self.run)
            and (claims_a_change(answer.text) or self._only_talks(answer))
            and not has_edited(self.run.state.history)
        )

    def _only_talks(self, answer: ModelAnswer) -> bool:
        """Return whether a small model was given a task, asked nothing and called nothing."""
        small, task = self.run.small, self.run.prompt or ""
        if small is None or not small.instructions_first or self.called:
            return False
        return bool(task.strip()) and not asks(task) and not asks(answer.text)

    def _remind(self, answer: ModelAnswer) -> StopReason | None:
        """Ask once more; after that, say that nothing was changed."""
        claims = claims_a_change(answer.text)
        if self.reminded:
            said = ": the model says that it made changes, but made none" if claims else ""
            self.run.emit(
                Notice(
                    "warning" if said else "info", "nothing_changed", f"No file was changed{said}."
                )
            )
            return StopReason.END_TURN
        self.reminded = True
        told = "No file was changed: your answer has no call in it."
        rest = "" if claims else "  If nothing has to change, say so in one sentence."
        self.run.state.add(UserMessage(system_note(f"{told}{rest}\n\n{answer.form}".strip())))
        return None

    def _verdict(self, text: str, done: list[Called]) -> StopReason | None:
        failed = any(called.result.failed for called in done)
        if any(called.result.tool in END_TOOLS for called in done) and (
            (not failed and not self._unseen(done)) or self.ended_with_error
        ):
            return StopReason.END_TURN
        self.ended_with_error = failed
        if failed or any(called.result.tool not in QUIET_TOOLS for called in done):
            self.idle = 0
            return None
        only_thought = not done and not _THOUGHTS.sub("", text).strip()
        explicit = "task_completed" in self.run.definition.tool_names
        thinking = only_thought and _has_thoughts(text, self.run)
        if not explicit and not thinking:
            if only_thought:
                self.run.emit(Notice("warning", "empty_answer", _NOTHING))
            return StopReason.END_TURN
        self.idle += 1
        if self.idle < MAX_IDLE:
            return None
        message = f"The model did nothing in {self.idle} answers, so its turn was ended."
        self.run.emit(Notice("warning", "idle", message))
        return StopReason.END_TURN

    def _unseen(self, done: list[Called]) -> bool:
        """Return whether an answer also made a call whose result it has not seen."""
        others = [called.result.tool for called in done if called.result.tool not in END_TOOLS]
        return any(must_be_read(self.run, tool) for tool in others)


def _brief(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"


def _has_thoughts(text: str, run: LoopContext) -> bool:
    """Return whether an answer has thoughts, so that it is not empty."""
    last = run.state.messages[-1] if run.state.messages else None
    reasoned = isinstance(last, AssistantMessage) and bool(last.reasoning)
    return bool(text.strip()) or reasoned
