"""What a run and its sub-agents are doing now, as a tree in one line."""

from collections.abc import Mapping
from typing import Any, cast

from attrs import define, field

from inhouse.core.events import (
    EventPayload,
    Notice,
    QuestionAsked,
    ReasoningDelta,
    RunEvent,
    RunFinished,
    TextDelta,
    ToolFinished,
    ToolOutput,
    ToolStarted,
)

_TAIL = 80
_TODO = 60


@define
class _AtWork:
    agent: str
    parent: str | None
    what: str = "waiting for the first token"


@define
class RunActivity:
    """Listens to a run and to all below it."""

    run_id: str
    tail: str = ""
    """The end of what the run itself says, or of what its command prints."""
    todos: str = ""
    _at_work: dict[str, _AtWork] = field(factory=dict[str, _AtWork])

    def watch(self, event: RunEvent) -> None:
        """Take note of what happened.  Must not block and must not raise."""
        if isinstance(event.payload, RunFinished):
            self._at_work.pop(event.run_id, None)
            return
        if event.run_id not in self._at_work:
            self._at_work[event.run_id] = _AtWork(event.agent, event.parent)
        if (what := _what(event.payload)) is not None:
            self._at_work[event.run_id].what = what
        if event.run_id == self.run_id:
            self._watch_own(event.payload)

    def __str__(self) -> str:
        line = self._line(self.run_id)
        line = f"{line} ({self.todos})" if self.todos else line
        tail = " ".join(self.tail.split())
        return f"{line}: …{tail}" if tail else line

    def _watch_own(self, payload: EventPayload) -> None:
        match payload:
            case TextDelta(text) | ToolOutput(_, text):
                self.tail = (self.tail + text)[-_TAIL:]
            case ToolStarted(_, tool, given):
                self.tail = ""
                if tool == "write_todos":
                    self.todos = _progress(todos_of(given))
            case _:
                pass

    def _line(self, run_id: str) -> str:
        """Give what one of them does, and behind it what those it started do."""
        own = self._at_work.get(run_id)
        what = own.what if own else "waiting for the first token"
        below = [
            f"{each.agent}: {self._line(child)}"
            for child, each in self._at_work.items()
            if each.parent == run_id
        ]
        return f"{what} [{'; '.join(below)}]" if below else what


def todos_of(given: Any) -> list[tuple[str, bool]]:
    """Give the list of a ``write_todos`` call: what is to be done, and whether it is."""
    found: list[tuple[str, bool]] = []
    for each in cast("list[Any]", given["todos"]) if _has_todos(given) else ():
        match each:
            case {"task": str(task), "completed": bool(done)}:
                found.append((" ".join(task.split()), done))
            case _:
                pass
    return found


def _has_todos(given: Any) -> bool:
    match given:
        case {"todos": list()}:
            return True
        case _:
            return False


def _what(payload: EventPayload) -> str | None:
    match payload:
        case ToolStarted(_, tool):
            return tool
        case Notice(_, _, message):
            return message
        case _:
            return _WORDS.get(type(payload))


_WORDS: Mapping[type[EventPayload], str] = {
    TextDelta: "writing",
    ReasoningDelta: "thinking",
    ToolFinished: "waiting for the model",
    QuestionAsked: "waiting for your answer",
}


def _progress(todos: list[tuple[str, bool]]) -> str:
    """Say how far the list is, and what comes next: ``2/5 done, next: write the test``."""
    if not todos:
        return ""
    waiting = [task for task, done in todos if not done]
    told = f"{len(todos) - len(waiting)}/{len(todos)} done"
    return f"{told}, next: {waiting[0][:_TODO]}" if waiting else told
