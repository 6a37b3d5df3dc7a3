"""What a run and its sub-agents are doing, as a tree in one line."""

from collections.abc import Mapping

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
from inhouse.core.json_values import items, mapping

_TAIL = 80
_TODO = 60


@define
class _AtWork:
    agent: str
    parent: str | None
    what: str = "waiting for the first token"


@define
class RunActivity:
    """Follows a run and its sub-agents."""

    run_id: str
    tail: str = ""
    """The end of the run's own text, or of its command's output."""
    todos: str = ""
    _at_work: dict[str, _AtWork] = field(factory=dict[str, _AtWork])

    def watch(self, event: RunEvent) -> None:
        """Record an event.  Must not block and must not raise."""
        payload = event.payload
        if isinstance(payload, RunFinished):
            self._at_work.pop(event.run_id, None)
            return
        at_work = self._at_work.get(event.run_id)
        if at_work is None:
            at_work = self._at_work[event.run_id] = _AtWork(event.agent, event.parent)
        own = event.run_id == self.run_id
        match payload:
            case TextDelta(text):
                at_work.what = "writing"
                if own:
                    self.tail = (self.tail + text)[-_TAIL:]
            case ToolOutput(_, text) if own:
                self.tail = (self.tail + text)[-_TAIL:]
            case ToolStarted(_, tool, given):
                at_work.what = tool
                self.tail = "" if own else self.tail
                if own and tool == "write_todos":
                    self.todos = _progress(todos_of(given))
            case Notice(_, _, message):
                at_work.what = message
            case _:
                at_work.what = _WORDS.get(type(payload), at_work.what)

    def __str__(self) -> str:
        tail = " ".join(self.tail.split())
        return f"{self.brief}: …{tail}" if tail else self.brief

    @property
    def brief(self) -> str:
        """What is done now, without the text that it is about."""
        line = self._line(self.run_id)
        return f"{line} ({self.todos})" if self.todos else line

    def _line(self, run_id: str) -> str:
        """Return what one run does, followed by what its sub-agents do."""
        own = self._at_work.get(run_id)
        what = own.what if own else "waiting for the first token"
        below = [
            f"{each.agent}: {self._line(child)}"
            for child, each in self._at_work.items()
            if each.parent == run_id
        ]
        return f"{what} [{'; '.join(below)}]" if below else what


def todos_of(given: object) -> list[tuple[str, bool]]:
    """Return the items of a ``write_todos`` call, and whether each is done."""
    found: list[tuple[str, bool]] = []
    for each in items(mapping(given).get("todos")):
        match each:
            case {"task": str(task), "completed": bool(done)}:
                found.append((" ".join(task.split()), done))
            case _:
                pass
    return found


_WORDS: Mapping[type[EventPayload], str] = {
    ReasoningDelta: "thinking",
    ToolFinished: "waiting for the model",
    QuestionAsked: "waiting for your answer",
}


def _progress(todos: list[tuple[str, bool]]) -> str:
    """Say how far the list is and what is next: ``2/5 done, next: write the test``."""
    if not todos:
        return ""
    waiting = [task for task, done in todos if not done]
    told = f"{len(todos) - len(waiting)}/{len(todos)} done"
    return f"{told}, next: {waiting[0][:_TODO]}" if waiting else told
