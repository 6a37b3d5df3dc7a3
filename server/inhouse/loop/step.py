"""One step: one answer of the model and the tools it called, and whether the turn ends with it."""

import re

from attrs import define, field

from inhouse.core.events import Notice, StopReason
from inhouse.core.messages import AssistantMessage

from .loop_detection import Repeats
from .model_call import next_answer
from .state import LoopContext
from .tool_calls import Called, allowed_names, run_calls, unique_ids

QUIET_TOOLS = frozenset(
    {
        "think_deeply",
        "set_output",
        "set_messages",
        "add_message",
        "add_subgoal",
        "update_subgoal",
        "create_plan",
        "suggest_followups",
        "task_completed",
    }
)
"""An answer that called these alone needs no other answer."""
END_TOOLS = frozenset({"end_turn", "task_completed"})
MAX_IDLE = 3
"""Answers in a row that do nothing, where a turn must be ended explicitly."""

_NOTHING = "The model answered with nothing.  `inhouse doctor` says what may be wrong with it."
_THOUGHTS = re.compile(r"<think>.*?(</think>|\Z)|</think>", re.DOTALL)
_STOPPED = {
    "length": (
        StopReason.MAX_TOKENS,
        "The answer was cut: the model reached its limit of tokens for one answer.",
    ),
    "content_filter": (
        StopReason.REFUSAL,
        "The answer was cut: the server's content filter ended it.",
    ),
}
"""Finish reasons that end a run, and what the user is told."""


@define
class Stepper:
    """Takes a run's steps and remembers what must not go on for ever."""

    run: LoopContext
    repeats: Repeats = field(factory=Repeats)
    idle: int = 0
    ended_with_error: bool = False

    async def take(self) -> StopReason | None:
        """Take a step.  None: the model has to go on."""
        answer = await next_answer(self.run)
        text, calls = answer.text, unique_ids(self.run, answer.calls)
        if text or calls or answer.reasoning:
            self.run.state.add(AssistantMessage(text, calls, answer.reasoning))
        if answer.finish_reason in _STOPPED:
            # What it called may be cut off too, so nothing of it is run.
            stopped, message = _STOPPED[answer.finish_reason]
            self.run.emit(Notice("warning", stopped.value, message))
            return stopped
        done = await run_calls(self.run, calls, allowed_names(self.run), self.repeats)
        return self._verdict(text, done)

    def _verdict(self, text: str, done: list[Called]) -> StopReason | None:
        failed = any(called.result.failed for called in done)
        if any(called.result.tool in END_TOOLS for called in done) and (
            not failed or self.ended_with_error
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


def _has_thoughts(text: str, run: LoopContext) -> bool:
    """Tell a thinking answer from an empty one."""
    last = run.state.messages[-1] if run.state.messages else None
    reasoned = isinstance(last, AssistantMessage) and bool(last.reasoning)
    return bool(text.strip()) or reasoned
